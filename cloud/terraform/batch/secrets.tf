# Only the secrets: an operator sets the values (see the outputs), so that no state and no plan contains them.

resource "aws_secretsmanager_secret" "wrds" {
  # checkov:skip=CKV_AWS_149: encrypted with the account's own key, which costs nothing; no other account reads it
  # checkov:skip=CKV2_AWS_57: WRDS passwords are changed at WRDS, by hand
  name                    = "ftm/wrds"
  description             = "FTM: WRDS login, read by the machine that prefetches: {\"username\": ..., \"password\": ...}"
  recovery_window_in_days = var.secret_recovery_days
}

resource "aws_secretsmanager_secret" "xai" {
  # checkov:skip=CKV_AWS_149: encrypted with the account's own key, which costs nothing; no other account reads it
  # checkov:skip=CKV2_AWS_57: keys of the Grok API are created at x.ai, by hand
  name                    = "ftm/xai"
  description             = "FTM: key of the Grok API, given to the jobs as LLM_API_KEY when llm = \"grok\""
  recovery_window_in_days = var.secret_recovery_days
}
