"""Accounts: who may log in, and what each has been granted."""
