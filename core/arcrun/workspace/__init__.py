"""The Durable Object of an account or a tenant: heads of workflows, and the audit log. docs/adr/0018."""
