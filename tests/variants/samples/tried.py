"""What is tried beside the default, where a question takes more than can be listed."""

# Every type and every flag of a field, and references of each kind.
MODULES = {
    "customers": {
        "name": "str(200) searchable",
        "email": "email unique",
        "page": "url optional searchable",
    },
    "invoices": {
        "number": "str(32) unique",
        "amount": "money indexed",
        "rate": "decimal(10, 2) optional indexed",
        "lines": "int indexed",
        "due": "date indexed",
        "sent_at": "datetime optional",
        "status": "enum(draft, sent, paid) indexed",
        "is_open": "bool indexed",
        "token": "uuid unique",
        "extra": "json",
        "customer": "ref(customers)",
        "payer": "ref(customers) optional",
        "note": "text optional searchable",
    },
    "people/person": {"code": "str(1)", "chief": "ref(people) optional"},
}

TRIED = {"modules": [MODULES]}
