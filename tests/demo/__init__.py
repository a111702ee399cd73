"""`make demo` and `make test`, as somebody calls them who has just cloned: also where no machine can be made."""
