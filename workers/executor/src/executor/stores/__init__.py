"""The object that keeps an account's stores, and what asks it."""
