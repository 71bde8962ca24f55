"""What Halden Bank's catalogue knows beyond its list: contracts with their schemas, lineage, and what may never leave."""

import json
from typing import Any

HEAD = """kind: DataContract
apiVersion: v3.0.2
name: Card transactions
version: {version}
schema:
  - name: card_transactions
    properties:
"""
COLUMN = """      - name: {name}
        logicalType: {kind}
        classification: {classification}
        description: {meaning}
"""
TRANSACTIONS = [
    ("transaction_id", "string", "internal", "Number of the authorisation or clearing"),
    ("pan_token", "string", "restricted", "Token that stands for the card number"),
    ("amount", "number", "confidential", "Amount in the currency of the card"),
    ("authorised_at", "timestamp", "internal", "When the issuer said yes or no"),
]


def _columns(version: str, *more: tuple[str, str, str, str]) -> str:
    """An Open Data Contract Standard file of the card transactions with `more` columns."""
    rows = [
        COLUMN.format(name=name, kind=kind, classification=classification, meaning=meaning)
        for name, kind, classification, meaning in (*TRANSACTIONS, *more)
    ]
    return HEAD.format(version=version) + "".join(rows)


def _properties(**fields: tuple[str, str, bool]) -> str:
    """A JSON Schema: field → type, meaning, sensitive."""
    made: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": [next(iter(fields))],
        "properties": {
            name: {"type": kind, "description": meaning, "x-sensitive": sensitive}
            for name, (kind, meaning, sensitive) in fields.items()
        },
    }
    return json.dumps(made, indent=2)


CONTRACTS: list[tuple[str, str, str, str]] = [
    (
        "card-transactions",
        "8.4",
        "First contract with a schema",
        _columns(
            "8.4",
            ("merchant", "string", "confidential", "Name of the merchant"),
            ("customer_mail", "string", "restricted", "Mail address of the card holder"),
        ),
    ),
    (
        "card-transactions",
        "9.0",
        "The mail address is gone, the merchant's country is new",
        _columns(
            "9.0",
            ("merchant", "string", "confidential", "Name of the merchant as the acquirer sends it"),
            ("merchant_country", "string", "internal", "Country of the merchant as ISO 3166-1"),
        ),
    ),
    (
        "dispute-cases",
        "3.3",
        "Messages are marked as sensitive",
        _properties(
            case_id=("string", "Number of the dispute", False),
            transaction_id=("string", "The transaction that is disputed", False),
            reason=("string", "Reason code of the card scheme", False),
            messages=("array", "What the customer wrote, word for word", True),
        ),
    ),
    (
        "mortgage-applications",
        "4.1",
        "",
        _properties(
            application_id=("string", "Number of the application", False),
            income=("number", "Yearly income before tax, in euros, as stated", True),
            property_value=("number", "Value by the appraisal in force", False),
            employer=("string", "Name of the employer", True),
        ),
    ),
    (
        "payment-orders",
        "6.1",
        "",
        _properties(
            order_id=("string", "Number of the payment order", False),
            iban=("string", "Account of the payer", True),
            amount=("number", "Amount in the currency of the order", False),
            state=("string", "Where it is: received, sent, returned", False),
        ),
    ),
]
"""Source, version, what is new, and the schema, in the order of publishing."""
PUBLISHED_SINCE = (
    "product-sheets",
    "7.2",
    "The day from which a sheet holds is new",
    _properties(
        product=("string", "Name of the product", False),
        fee=("number", "Fee in euros a month", False),
        valid_from=("string", "First day on which the sheet holds", False),
    ),
)
"""A contract that came after an approval that rests on the one before it."""
LINKS = [
    ("card-transactions", "dispute-cases", "When a case is opened"),
    ("payment-orders", "arrears-cases", "Nightly load"),
    ("identity-documents", "mortgage-applications", "References only"),
    ("product-sheets", "branch-handbook", "Each release of the sheets"),
]
NEVER_LEAVES = {
    "card-transactions": ["Card numbers and their tokens", "Where a person was at what time"],
    "dispute-cases": ["Card numbers", "Names of other customers"],
    "identity-documents": ["Scans and photographs", "Numbers of passports and identity cards"],
    "mortgage-applications": ["Income and employer of an applicant", "Health data in supporting letters"],
    "payment-orders": ["Account numbers", "Remittance text"],
    "arrears-cases": ["Account numbers", "Special categories of data (Article 9 GDPR)"],
}
TWICE = ("Payment order", "confidential", "6.0", "Outgoing payments, added by the treasury desk in a hurry")
"""A likely duplicate of the payment orders, for somebody to find and merge."""
