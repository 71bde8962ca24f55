"""Who works at Halden Bank. Nobody here is anybody."""

# team: owner, deputy, member
TEAMS = {
    "Retail Lending": ("Ana Ruiz", "Tom Okafor", "Ida Lund"),
    "Cards and Payments": ("Lena Fischer", "Marco Bianchi", "Yusuf Demir"),
    "Financial Crime": ("Jonas Weber", "Ana Ruiz", "Nils Aas"),
    "Collections": ("Greta Holm", "Paul Novak", "Aisha Khan"),
    "Payment Operations": ("Sam Idowu", "Clara Dubois", "Piotr Zielinski"),
    "People": ("Mia Chen", "Oskar Lindqvist", "Nora Byrne"),
    "Branch Network": ("Henrik Dahl", "Julia Kranz", "Tariq Aziz"),
    "Business Lending": ("Elena Popova", "David Moreau", "Kaja Vik"),
    "Fraud Operations": ("Ravi Menon", "Birgit Sand", "Luca Conti"),
    "Customer Care": ("Grace Adeyemi", "Finn Olsen", "Marta Silva"),
    "Treasury": ("Viktor Stein", "Emma Laurent", "Jan Kowalski"),
    "Marketing Compliance": ("Zoe Papadakis", "Erik Thorsen", "Hana Sato"),
    "Workplace IT": ("Ben Asante", "Laura Keller", "Mikkel Juul"),
    "Wealth Advice": ("Isabel Conde", "Otto Brandt", "Freya Moe"),
}

ROLES = {
    "security": ("Priya Raman", "Stefan Vogel"),
    "data": ("Dana Petrov", "Anders Berg"),
    "risk": ("Ruth Mbeki", "Carlo Ferri"),
    "finance": ("Felix Hart", "Ingrid Nilsen"),
    "operations": ("Olu Bello", "Karin Wolf"),
    "auditor": ("Agnes Thiel",),
    "admin": ("Petra Adler", "Simon Roth"),
}

SIGN_INS = {
    "owner": "Ana Ruiz",
    "deputy": "Tom Okafor",
    "member": "Ida Lund",
    **{role: names[0] for role, names in ROLES.items()},
}
"""The people whose sign-ins `up` prints: one a role."""


def email(name: str) -> str:
    """A person's address at the bank."""
    return f"{name.lower().replace(' ', '.')}@halden.example"
