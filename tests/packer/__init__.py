"""templates and the bake -> what packer makes of them, and what a machine is after them, without booting one."""
