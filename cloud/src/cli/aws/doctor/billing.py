"""Whether the account's optional budget exists and is kept to."""

from __future__ import annotations

from botocore.exceptions import ClientError

from cloud.src.cli.aws.doctor.finding import Check, Patient, Seen, failed, not_checked, passed

BUDGET = "ftm-monthly"
# https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_DescribeBudget.html
REFUSED, ABSENT = "AccessDeniedException", "NotFoundException"
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/control-access-billing.html
WHAT_IS_MISSING = (
    "no access to billing, which monthly_budget_usd needs: the root user has to switch on IAM access to billing in the "
    "account's settings; then budgets:ViewBudget to see it, budgets:ModifyBudget to apply it"
)


def _budget(patient: Patient) -> Seen:
    account = patient.account.client("sts").get_caller_identity()["Account"]
    try:
        found = patient.account.client("budgets").describe_budget(AccountId=account, BudgetName=BUDGET)["Budget"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == REFUSED:
            return not_checked(WHAT_IS_MISSING)
        if code != ABSENT:
            raise
        return passed("none, as is the default; budgets can be seen, making one also takes budgets:ModifyBudget")
    limit = float(found["BudgetLimit"]["Amount"])
    spent = float(found.get("CalculatedSpend", {}).get("ActualSpend", {}).get("Amount", 0))
    said = f"${spent:.2f} of ${limit:.2f} spent this month, by the whole account"
    return failed(said) if spent > limit else passed(said)


CHECKS = (
    Check(
        "budget",
        "whether there is access to billing for a budget, and what is spent of it",
        "see what bills: ftm aws status --all-regions, ftm aws cost; or apply ecs with another monthly_budget_usd",
        _budget,
    ),
)
