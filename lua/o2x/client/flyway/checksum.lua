--- Flyway's checksum of a script: CRC-32 over its lines, without line ends and byte order mark.

local M = {}

local crc_table = {}
for byte = 0, 255 do
  local crc = byte
  for _ = 1, 8 do
    crc = (crc & 1) == 1 and (crc >> 1) ~ 0xEDB88320 or crc >> 1
  end
  crc_table[byte] = crc
end

--- The checksum of a script's text.
---@param text string UTF-8
---@return integer checksum of 32 bits, signed
function M.of(text)
  local crc = 0xFFFFFFFF
  local lines = text:gsub("^\xEF\xBB\xBF", ""):gsub("[\r\n]", "")
  for i = 1, #lines do
    crc = crc_table[(crc ~ lines:byte(i)) & 0xFF] ~ (crc >> 8)
  end
  crc = crc ~ 0xFFFFFFFF
  return crc >= 0x80000000 and crc - 0x100000000 or crc
end

return M
