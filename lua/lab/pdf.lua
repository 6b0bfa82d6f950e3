--- A minimal PDF: one page, one font, one content stream.

local M = {}

--- A PDF with one page.
---@param content string  operators of the page's content stream
---@return string pdf
function M.page(content)
  local objects = {
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    ("<< /Length %d >>\nstream\n%s\nendstream"):format(#content, content),
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  }
  local parts, offset, entries = { "%PDF-1.4\n" }, #"%PDF-1.4\n", { "0000000000 65535 f \n" }
  for number, object in ipairs(objects) do
    local text = ("%d 0 obj\n%s\nendobj\n"):format(number, object)
    entries[#entries + 1] = ("%010d 00000 n \n"):format(offset)
    parts[#parts + 1] = text
    offset = offset + #text
  end
  parts[#parts + 1] = ("xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"):format(
    #entries,
    table.concat(entries),
    #entries,
    offset
  )
  return table.concat(parts)
end

return M
