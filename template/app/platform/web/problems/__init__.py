"""Errors, as the client sees them: problem details (RFC 9457)."""

from app.platform.web.problems.documentation import problems
from app.platform.web.problems.handlers import install
from app.platform.web.problems.problem import FieldProblem, Problem, respond

__all__ = ["FieldProblem", "Problem", "install", "problems", "respond"]
