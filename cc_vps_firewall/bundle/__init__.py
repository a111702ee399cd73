"""The engine and a policy as user-data, for images that have no package of ours."""
