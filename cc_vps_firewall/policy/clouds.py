"""name of a cloud -> the addresses of its metadata services, as cloud-init and the provider's own pages have them."""

from __future__ import annotations

from collections.abc import Mapping

COMMON = "169.254.169.254"

# By cloud-init's cloud-id (`cloud-id(1)`), less what stands behind a hyphen: aws-china is aws.
SERVICES: Mapping[str, tuple[str, ...]] = {
    "akamai": (COMMON, "fd00:a9fe:a9fe::1"),
    "aliyun": (COMMON, "100.100.100.200"),
    "aws": (COMMON, "fd00:ec2::254"),
    "azure": (COMMON, "168.63.129.16"),  # and the agent's web server, which hands out certificates
    "digitalocean": (COMMON,),
    "exoscale": (COMMON,),
    "gce": (COMMON, "fd20:ce::254"),
    "hetzner": (COMMON, "fe80::a9fe:a9fe"),
    "openstack": (COMMON, "fe80::a9fe:a9fe"),
    "oracle": (COMMON, "fd00:c1::a9fe:a9fe"),
    "scaleway": (COMMON, "169.254.42.42", "fd00:42::42"),
    "tencentcloud": (COMMON, "169.254.0.23"),
    "upcloud": (COMMON,),
    "vultr": (COMMON,),
}

# What hands credentials to containers, and is there for programs that are not root: ECS's agent, EKS's pod identities.
FOR_CONTAINERS: Mapping[str, tuple[str, ...]] = {"aws": ("169.254.170.2", "169.254.170.23", "fd00:ec2::23")}


def metadata(cloud: str, containers: bool) -> tuple[str, ...]:
    """The addresses that `cloud` has, or all there are for a name that is not known here; with `containers` also those
    of FOR_CONTAINERS."""
    name = cloud.partition("-")[0]
    clouds = [name] if name in SERVICES else list(SERVICES)
    tables = [SERVICES, FOR_CONTAINERS] if containers else [SERVICES]
    return tuple(dict.fromkeys(address for table in tables for name in clouds for address in table.get(name, ())))
