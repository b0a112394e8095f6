"""Workflows that start by themselves, at the times of their schedules (docs/adr/0035). Nothing else imports this."""
