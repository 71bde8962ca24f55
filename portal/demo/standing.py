"""What Halden Bank's teams answered about their agents' risk class, and which agents call which."""

from typing import Any

RISK: dict[str, dict[str, Any]] = {
    "mortgage-enquiry": {"talks_to_people": "yes", "makes_content": "yes", "essential_services": "unknown"},
    "card-dispute-triage": {"makes_content": "yes", "risk_class": "high"},
    "kyc-document-check": {"biometrics": "unknown", "profiling": "yes"},
    "collections-letters": {"makes_content": "yes", "profiling": "yes", "risk_class": "high"},
    "payment-investigator": {"talks_to_people": "yes", "makes_content": "yes", "risk_class": "high"},
    "hr-policy-answers": {"talks_to_people": "yes"},
    "sme-credit-memo": {"makes_content": "yes", "essential_services": "unknown", "profiling": "yes"},
    "fraud-alert-explainer": {"profiling": "yes", "talks_to_people": "yes", "risk_class": "high"},
    "complaints-router": {
        "talks_to_people": "yes",
        "makes_content": "yes",
        "essential_services": "unknown",
        "narrow_task": "unknown",
        "risk_class": "limited",
        "reason": "Art. 6(3)(a): it finds the team and the deadline; a person decides every complaint. "
        "Legal saw the routing table on 14 September.",
    },
    "marketing-promise-check": {"risk_class": "limited"},
    "it-helpdesk": {"talks_to_people": "yes"},
    "adviser-meeting-notes": {"makes_content": "yes"},
}
"""Slug: every answer that is not a no, and the class and reason where they are not what the answers give. Two live agents
were never asked."""
RAISED = {"adviser-meeting-notes": "high"}
"""Cards that somebody set to another class after the questionnaire."""
CALLS = {
    "mortgage-enquiry": ["branch-knowledge"],
    "complaints-router": ["card-dispute-triage", "payment-investigator"],
    "hr-policy-answers": ["it-helpdesk"],
}
"""Slug: the agents that it calls."""
