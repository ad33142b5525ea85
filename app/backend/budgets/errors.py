"""What can go wrong with budgets."""

from app.backend.core.errors import AppError, Conflict, Forbidden, ServiceUnavailable


class BudgetsAway(ServiceUnavailable):
    """Nobody can tell how much is spent, so nothing is."""

    def __init__(self) -> None:
        message = "The budgets of this run cannot be checked, since Redis does not answer; so no model is asked. Check it with `atelier doctor`, then press Retry."
        super().__init__(message, service="redis", retry_after=5)


class PriceUnknown(AppError):
    """A budget in money cannot count a model without a price."""

    code = "PRICE_UNKNOWN"
    status = 409

    def __init__(self, model: str, budget: str) -> None:
        super().__init__(
            f"The price of {model} is not known, and {budget} cannot count it. Enter its price on the page Models, or set a budget in tokens."
        )


class BudgetImposed(Forbidden):
    """An administrator set the budget for the actor."""

    code = "BUDGET_IMPOSED"

    def __init__(self) -> None:
        super().__init__(
            "An administrator set this budget for you. Ask them to change it."
        )


class EmbeddingOverBudget(Conflict):
    """A budget is used up, and nobody can be asked for more."""

    code = "BUDGET_USED_UP"


class OwnerOverBudget(EmbeddingOverBudget):
    """The same, told to somebody else than the owner of the documents: no amounts."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"A budget that counts for the owner of these documents does not allow {model}, which makes their vectors, to be asked: it is used up, or the price of the model is not known. Ask the owner to see to it on the page Usage, or try again in its next period."
        )
