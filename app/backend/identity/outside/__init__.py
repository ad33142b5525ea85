"""Logins with an account elsewhere: who may say who somebody is, and how they are asked."""
