"""Stores: one small reactive state class per file."""
