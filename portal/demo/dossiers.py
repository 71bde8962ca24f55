"""What each agent's packet says beyond what its eval suite already does: uses, data, tools, rollout."""

from typing import Any

# slug: name, owner's team, classification, contract, description
SOURCES: dict[str, tuple[str, str, str, str]] = {
    "product-sheets": ("Product sheets", "public", "7.1", "Published product sheets and the fee schedule"),
    "mortgage-applications": (
        "Mortgage applications",
        "confidential",
        "4.1",
        "Applications with income and property data",
    ),
    "card-transactions": (
        "Card transactions",
        "confidential",
        "9.0",
        "Authorisations and clearings of the last 24 months",
    ),
    "dispute-cases": ("Dispute cases", "confidential", "3.3", "Disputes with messages and documents"),
    "identity-documents": (
        "Identity documents",
        "restricted",
        "2.4",
        "Scans of passports, identity cards and proofs of address",
    ),
    "arrears-cases": ("Arrears cases", "confidential", "5.0", "Customers in arrears, agreements and contacts"),
    "payment-orders": ("Payment orders", "confidential", "6.1", "Outgoing and incoming payments with their states"),
    "hr-policies": ("HR policies", "internal", "12.0", "Leave, travel and benefit policies in force"),
    "branch-handbook": ("Branch handbook", "internal", "31", "Procedures at the counter"),
    "company-accounts": (
        "Company accounts",
        "confidential",
        "2.0",
        "Filed accounts and bank data of business customers",
    ),
    "fraud-alerts": ("Fraud alerts", "restricted", "4.4", "Alerts with model scores and features"),
    "complaints": ("Complaints", "confidential", "3.0", "Complaints with correspondence"),
    "liquidity-figures": ("Liquidity figures", "confidential", "1.8", "Daily liquidity report"),
    "advertising-rules": ("Advertising rules", "internal", "5.1", "What the bank may promise, with sources"),
    "staff-directory": ("Staff directory", "internal", "8.0", "Who works where; devices and entitlements"),
    "client-meetings": ("Client meetings", "restricted", "1.1", "Recordings with consent, and transcripts"),
}

# slug: name, system, effect, tags
TOOLS: dict[str, tuple[str, str, str, list[str]]] = {
    "applications.read": ("Read an application", "Lending core", "read", ["customer_data"]),
    "calendar.book_call": ("Book a call with an adviser", "Adviser calendar", "write", ["external_communication"]),
    "disputes.read": ("Read a dispute", "Dispute desk", "read", ["customer_data", "untrusted_input"]),
    "disputes.ask_customer": ("Ask the customer for a document", "Mail gateway", "write", ["external_communication"]),
    "disputes.credit": ("Credit back for now", "Cards core", "irreversible", ["money_movement"]),
    "documents.read": (
        "Read a document",
        "Document store",
        "read",
        ["customer_data", "untrusted_input", "regulated_records"],
    ),
    "kyc.add_finding": ("Add a finding to the file", "KYC file", "write", ["regulated_records"]),
    "arrears.read": ("Read an arrears case", "Collections desk", "read", ["customer_data"]),
    "letters.draft": ("Save a draft letter", "Letter studio", "write", []),
    "payments.trace": ("Trace a payment", "Payment hub", "read", ["customer_data"]),
    "payments.write_to_bank": ("Write to the other bank", "SWIFT gateway", "irreversible", ["external_communication"]),
    "customers.notify": ("Tell the customer", "Mail gateway", "write", ["external_communication"]),
    "policies.search": ("Search policies", "Policy index", "read", []),
    "handbook.search": ("Search the handbook", "Handbook index", "read", []),
    "accounts.read": ("Read company accounts", "Credit workbench", "read", ["customer_data"]),
    "memo.save": ("Save a memo draft", "Credit workbench", "write", []),
    "alerts.read": ("Read an alert", "Fraud engine", "read", ["customer_data", "regulated_records"]),
    "complaints.read": ("Read a complaint", "Complaint desk", "read", ["customer_data", "untrusted_input"]),
    "complaints.route": ("Route a complaint", "Complaint desk", "write", []),
    "figures.read": ("Read the day's figures", "Treasury warehouse", "read", []),
    "rules.search": ("Search advertising rules", "Rule index", "read", []),
    "directory.reset_password": ("Reset a password", "Directory", "irreversible", ["credentials"]),
    "orders.place": ("Order equipment", "Purchasing", "write", ["money_movement"]),
    "meetings.read": ("Read a transcript", "Meeting store", "read", ["customer_data"]),
    "notes.save": ("Save notes", "Adviser workbench", "write", ["regulated_records"]),
}


def _dossier(
    uses: list[str],
    never: list[tuple[str, str]],
    data: list[tuple[str, str, str, int]],
    forbidden: tuple[str, str],
    tools: list[tuple[str, str, str, str]],
    audience: str,
    statement: str,
) -> dict[str, Any]:
    """`data`: source, purpose, fields, days kept. `tools`: tool, scope, approval, limit. `forbidden`: never use, never log."""
    return {
        "uses": uses,
        "never": never,
        "data": data,
        "forbidden": forbidden,
        "tools": tools,
        "audience": audience,
        "statement": statement,
    }


DOSSIERS: dict[str, dict[str, Any]] = {
    "mortgage-enquiry": _dossier(
        [
            "Borrowers ask what a product costs. The agent quotes the sheet in force, its date and the annual percentage rate.",
            "Borrowers ask where their application stands. The agent reads the state and names the next step.",
        ],
        [
            ("Whether a loan will be approved.", "An underwriter decides that. I can book you a call with an adviser."),
            ("Which product to choose.", "An adviser looks at that with you. Shall I book a call?"),
        ],
        [
            ("product-sheets", "Quote conditions in force", "Text, date, product", 0),
            ("mortgage-applications", "Say where an application stands", "State, missing documents, adviser", 0),
        ],
        ("Income and credit scores of the borrower or of anybody else.", "Names, addresses and account numbers."),
        [
            ("applications.read", "The signed-in borrower's own application only", "none", "60 calls an hour"),
            ("calendar.book_call", "Free slots of the borrower's branch", "none", "One open call a borrower"),
        ],
        "borrowers in the app",
        "It reads one borrower's own record and writes to no address: a booking goes to the branch's calendar.",
    ),
    "card-dispute-triage": _dossier(
        [
            "Cardholders dispute a charge. The agent asks for what is missing and proposes a reason code.",
            "Handlers see a proposal whether to credit back for now, with the transactions it rests on.",
        ],
        [
            (
                "Promises that the money stays with the customer.",
                "We credit for now; the scheme's rules decide in the end.",
            ),
            (
                "Disputes about a card of somebody else.",
                "I can only speak with the cardholder. Here is how they reach us.",
            ),
        ],
        [
            ("dispute-cases", "Understand the dispute", "Messages, documents, merchant", 30),
            ("card-transactions", "Find the charge and its history", "Date, merchant, amount, entry mode", 0),
        ],
        ("Card numbers in full and security codes.", "Card numbers, names, free text of the customer."),
        [
            ("disputes.read", "The case at hand", "none", "200 a day"),
            ("disputes.ask_customer", "To the address on the case only", "none", "Two messages a case"),
            ("disputes.credit", "Sandbox ledger until the pilot ends", "per_call", "200 euros a case"),
        ],
        "disputes under 200 euros",
        "Mail goes only to the address on the case, and the text is a template: an injected instruction cannot carry data out.",
    ),
    "kyc-document-check": _dossier(
        ["Onboarding staff see which fields of a document differ from the application."],
        [("A verdict on whether the person may become a customer.", "A colleague decides. These fields differ.")],
        [("identity-documents", "Compare with the application", "Name, birth date, address, expiry", 0)],
        ("Photographs of faces for comparison.", "Any field of a document."),
        [
            ("documents.read", "Documents of one application", "none", "40 documents an hour"),
            ("kyc.add_finding", "Findings of the application at hand", "per_batch", "25 findings a file"),
        ],
        "two onboarding teams",
        "It writes findings into one file and nowhere else; a colleague accepts each batch.",
    ),
    "collections-letters": _dossier(
        ["Collectors get a draft letter in plain language that fits the case."],
        [
            (
                "Letters to customers who are in debt counselling.",
                "This case is with a counsellor: no letter is drafted.",
            )
        ],
        [("arrears-cases", "State amounts and agreements correctly", "Amounts, agreement, last contact", 0)],
        ("Health and family matters noted in the case.", "Names, amounts, letters."),
        [
            ("arrears.read", "Cases of the collector", "none", "100 a day"),
            ("letters.draft", "Drafts only", "none", "100 a day"),
        ],
        "six collectors",
        "It sends nothing: a collector reads, edits and sends.",
    ),
    "payment-investigator": _dossier(
        [
            "Operations staff ask where a payment is. The agent traces it and says what happens next.",
            "The other bank is asked in the standard form when a payment hangs.",
        ],
        [
            (
                "Recalling or redirecting a payment.",
                "I cannot move money. A colleague in Payment Operations takes over.",
            ),
            ("Information on payments of third parties.", "I can only speak about payments of this customer."),
        ],
        [("payment-orders", "Follow a payment through its states", "Reference, amount, banks, states", 90)],
        (
            "Purposes of payments that reveal health, religion or union membership.",
            "Account numbers and payment purposes.",
        ),
        [
            ("payments.trace", "Payments of the case", "none", "500 a day"),
            ("payments.write_to_bank", "Standard inquiry, no free text", "per_call", "50 a day"),
            ("customers.notify", "To the customer of the case", "none", "Three a case"),
        ],
        "euro payments",
        "Messages are templates with fields from the payment itself; no text of a counterparty reaches another.",
    ),
    "hr-policy-answers": _dossier(
        ["Staff ask about leave, benefits and travel. Answers quote the policy and link to it."],
        [("Advice on dismissal, pay disputes or medical matters.", "Please talk to your People partner; here is how.")],
        [("hr-policies", "Quote the policy in force", "Text, version, country", 0)],
        ("Personnel files.", "Who asked what."),
        [("policies.search", "Policies of the asker's country", "none", "Unlimited")],
        "all staff",
        "",
    ),
    "branch-knowledge": _dossier(
        ["Colleagues at the counter find the paragraph of the handbook that answers a question."],
        [("Decisions on a customer's request.", "The handbook says this; you decide.")],
        [("branch-handbook", "Find the paragraph", "Text, version", 0)],
        ("Customer data of any kind.", "Questions that hold a customer's name."),
        [("handbook.search", "The handbook in force", "none", "Unlimited")],
        "forty branches",
        "",
    ),
    "sme-credit-memo": _dossier(
        ["Credit officers get a draft memo with the figures and where each comes from."],
        [("A recommendation to grant or refuse.", "The memo states facts; the officer recommends.")],
        [("company-accounts", "Figures of the memo", "Accounts, ratios, bank data", 365)],
        ("Private accounts of the owners.", "Figures of named companies."),
        [
            ("accounts.read", "The company of the application", "none", "50 a day"),
            ("memo.save", "Drafts", "none", "50 a day"),
        ],
        "ten credit officers",
        "",
    ),
    "fraud-alert-explainer": _dossier(
        ["Analysts read why a transaction was flagged, and what speaks against it."],
        [("Explaining an alert to the customer.", "Alerts are not explained outside Fraud Operations.")],
        [("fraud-alerts", "Explain the score", "Features, score, history of the alert", 0)],
        ("Names of informants and pending police requests.", "Alerts, names, scores."),
        [("alerts.read", "Alerts of the analyst's queue", "none", "400 a day")],
        "the night shift",
        "It answers on screen only and has no way out of the queue.",
    ),
    "complaints-router": _dossier(
        ["Complaints reach the right team with their legal deadline, and the customer gets a confirmation."],
        [
            (
                "Judging whether a complaint is justified.",
                "We have your complaint; a colleague answers by the date named.",
            )
        ],
        [("complaints", "Find team and deadline", "Text, product, date received", 30)],
        ("Attachments with health data.", "Text of complaints."),
        [
            ("complaints.read", "New complaints", "none", "600 a day"),
            ("complaints.route", "Queue and deadline", "none", "600 a day"),
            ("customers.notify", "Template confirmation to the sender", "none", "One a complaint"),
        ],
        "complaints by web form",
        "The confirmation is a template without any text of the complaint, sent to the address it came from.",
    ),
    "liquidity-commentary": _dossier(
        ["The treasury's morning meeting reads two paragraphs on the day's figures."],
        [("Forecasts and advice on trades.", "The commentary describes today's figures only.")],
        [("liquidity-figures", "Describe the day", "Buffers, flows, limits", 0)],
        ("Positions of single desks.", "Figures before publication."),
        [("figures.read", "Today's published report", "none", "20 a day")],
        "the morning meeting",
        "",
    ),
    "marketing-promise-check": _dossier(
        ["Writers see which sentences of an advert promise what the bank may not."],
        [("Clearing an advert for publication.", "A colleague in Marketing Compliance clears it.")],
        [("advertising-rules", "Hold sentences against the rules", "Rule, source, example", 0)],
        ("Campaign budgets.", "Drafts of unpublished campaigns."),
        [("rules.search", "Rules in force", "none", "Unlimited")],
        "the marketing team",
        "",
    ),
    "it-helpdesk": _dossier(
        ["Staff get a password reset or equipment without waiting for a person."],
        [("Access to systems of other teams.", "Your manager asks for that in the access portal.")],
        [("staff-directory", "Find the asker's devices and entitlements", "Name, team, devices", 30)],
        ("Home addresses and private numbers.", "Passwords and tokens, in any form."),
        [
            ("directory.reset_password", "The asker's own account, after a second factor", "per_call", "One a day"),
            ("orders.place", "Catalogue items up to 300 euros", "none", "Two a month"),
        ],
        "all staff",
        "Both tools act on the asker alone, whose identity comes from the sign-in, not from the conversation.",
    ),
}
