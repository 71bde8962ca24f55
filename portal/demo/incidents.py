"""What two of Halden Bank's agents did wrong, by slug: one incident is open, one was closed."""

from typing import Any

INCIDENTS: dict[str, dict[str, Any]] = {
    "mortgage-enquiry": {
        "hours": 9,
        "by": "Grace Adeyemi",
        "report": {
            "severity": "serious",
            "what": "It told a borrower that early repayment is free. The product sheet says one per cent in the first five "
            "years. The borrower wrote to lena.k@mail.example to complain, and Customer Care answered by hand.",
            "asked": "I want to pay back half of my mortgage this year. What does that cost me?",
            "should": "Quote the charge for early repayment from the product sheet, or hand over to an adviser.",
            "failure_mode": "stale_document",
            "version": "1.4.2",
            "run": "run:20481",
            "told": "Customer Care",
        },
    },
    "branch-knowledge": {
        "hours": 9,
        "by": "Tariq Aziz",
        "report": {
            "severity": "low",
            "what": "It gave last year's opening hours of the Kiel branch.",
            "asked": "When does Kiel open on Saturday?",
            "failure_mode": "stale_document",
            "told": "The branch in Kiel",
        },
        "outcome": "The index is rebuilt each night now, and an answer names the day of its source.",
    },
}
