local aws = require "o2x.client.aws.support"

local function answer(status, code, message)
  local body = ("<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>"):format(
    code or "",
    message or ""
  )
  return { status = status, body = code and body or "<html>", headers = {} }
end

local function raised(response, action)
  local ok, err = pcall(aws.fail, "rds", "RDS", action or "CreateDBSnapshot", response)
  assert.is_false(ok)
  return err
end

describe("an error of an AWS service", function()
  it("says what failed, why, and by which code", function()
    local err = raised(answer(400, "DBInstanceNotFound", "no such server"))
    assert.equal("RDS: CreateDBSnapshot failed: no such server (DBInstanceNotFound)", err.message)
    assert.same({ "failed", "DBInstanceNotFound", 400 }, { err.kind, err.code, err.status })
  end)

  it("is about the keys where it is, with what to check", function()
    local err = raised(answer(403, "SignatureDoesNotMatch", "no"))
    assert.equal("unauthorised", err.kind)
    assert.matches("AWS_ACCESS_KEY_ID", err.hint)
  end)

  it("may be retried when the service was too busy", function()
    assert.is_true(raised(answer(400, "Throttling", "slow down")).retryable)
    assert.is_true(raised(answer(500, "Other", "x"), "DescribeDBSnapshots").retryable)
    assert.equal("unknown", raised(answer(500, "Other", "x")).kind) -- the gate asks whether there is one
    assert.is_false(raised(answer(400, "Other", "x")).retryable)
  end)

  it(
    "is known by its status where the body is a page",
    function() assert.equal("HTTP 503", raised(answer(503)).code) end
  )
end)

describe("aws.send", function()
  -- Sends answers one after the other, without a pause; -> the last, how many were asked for
  local function send(list)
    local asked = 0
    local response = aws.send(function()
      asked = asked + 1
      return list[math.min(asked, #list)]
    end, 0)
    return response.status, asked
  end

  it(
    "sends again while the service throttles",
    function() assert.same({ 200, 3 }, { send { answer(400, "Throttling"), answer(503), answer(200, "x") } }) end
  )

  it(
    "does not send again after any other error",
    function() assert.same({ 400, 1 }, { send { answer(400, "InvalidParameter") } }) end
  )

  it("gives up in the end", function()
    local status, asked = send { answer(503) }
    assert.equal(503, status)
    assert.equal(6, asked)
  end)
end)

describe("aws.sign", function()
  it("puts the client's keys into a request", function()
    local request = aws.sign({}, { access_key = "k", secret_key = "s", session_token = "t" }, "rds", "us-east-1")
    assert.equal("aws:amz:us-east-1:rds", request.aws_sigv4)
    assert.same({ "k", "s", "t" }, { request.access_key, request.secret_key, request.headers["X-Amz-Security-Token"] })
  end)
end)
