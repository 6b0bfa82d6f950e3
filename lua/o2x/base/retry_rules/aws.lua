--- AWS. `code` is that of its error answer, "HTTP 503" where the body has none. Throttled or overloaded (some with
--- status 400): nothing was done.

local WAIT <const> = "wait: others use up the account's limits of requests"
local KEYS <const> = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and their IAM permissions"

local rules = {}

local function add(verdict, kind, means, hint, codes)
  for _, code in ipairs(codes) do
    rules[#rules + 1] = { code = "^" .. code .. "$", verdict = verdict, kind = kind, means = means, hint = hint }
  end
end

add("later", nil, "throttled", WAIT, {
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "RequestThrottled",
  "RequestThrottledException",
  "RequestLimitExceeded",
  "TooManyRequestsException",
  "PriorRequestNotComplete",
  "TransactionInProgressException",
  "BandwidthLimitExceeded",
  "SlowDown",
  "EC2ThrottledException",
  "OperationAborted",
  "ConditionalRequestConflict",
  "HTTP 429",
})
add("later", nil, "not available", "https://health.aws.amazon.com shows the state of the service", {
  "ServiceUnavailable",
  "InternalError",
  "InternalFailure",
  "InternalServiceError",
  "IDPCommunicationError",
  "HTTP 503",
})
add("later", nil, "it waited too long for the request", WAIT, { "RequestTimeout", "RequestTimeoutException" })
add("never", "unauthorised", "the keys are refused", KEYS, {
  "AccessDenied",
  "AccessDeniedException",
  "UnauthorizedOperation",
  "Forbidden",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidToken",
  "SignatureDoesNotMatch",
  "MissingAuthenticationToken",
  "IncompleteSignature",
  "ExpiredToken",
  "ExpiredTokenException",
  "TokenRefreshRequired",
  "RequestExpired",
  "RequestTimeTooSkewed",
  "UnrecognizedClientException",
  "AuthFailure",
  "HTTP 403",
})

return rules
