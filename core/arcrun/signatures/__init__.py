"""Who calls a webhook: what services sign, how it is read and checked, and what they want answered at once."""
