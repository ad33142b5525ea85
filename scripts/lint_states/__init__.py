"""Rules of this code base that no general linter knows: one module a rule, its docstring is the policy."""
