"""case folders -> verdicts of the real kernel: real tools load the rules, real packets ask them."""
