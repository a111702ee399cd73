"""service name -> is it for an owner's own machines alone, and what is it? Data beside the service table."""

from __future__ import annotations

from collections.abc import Mapping

from .services import ALIASES, GROUPS

# By what it is: whoever reaches it, without a password, as it comes, or by one bug, has the data or the machine. A
# policy may open it to anywhere all the same; its owner is warned, and no misspelt name is taken for one of these.
_INTERNAL = {
    "a database": "postgresql pgbouncer mysql galera redis redis-sentinel memcached mongodb ms-sql-s oracle cassandra "
    "clickhouse influxdb zookeeper etcd-client etcd-server elasticsearch elasticsearch-transport kafka",
    "a file share": "nfs sunrpc mountd smb netbios-ns netbios-dgm netbios-ssn afpovertcp iscsi ceph ceph-mon",
    "a cluster's inside": "docker-tls docker-swarm kubelet kube-controller-manager kube-scheduler nomad consul "
    "consul-http high-availability epmd vxlan",
    "a remote desktop": "vnc rdp",
    "a login in the clear": "telnet",
    "an open proxy": "squid socks",
    "an amplifier of attacks": "cldap snmp tftp",
    "an agent that answers anybody": "node-exporter telegraf nrpe checkmk-agent munin",
    "a tool that obeys anybody": "kibana prometheus alertmanager pushgateway loki ollama clamd spamd",
}
# The same, of ports that have no name here, since nobody should open them by accident.
NAMELESS = {
    "2375/tcp": ("Docker's API without TLS", "a way to be root"),
    "6000-6009/tcp": ("X11", "a remote desktop"),
}

INTERNAL: Mapping[str, str] = {name: kind for kind, names in _INTERNAL.items() for name in names.split()}


def internal(name: str) -> bool:
    """Is this service, second name or group, or a member of it, for an owner's own machines alone?"""
    return any(ALIASES.get(member, member) in INTERNAL for member in GROUPS.get(name, (name,)))
