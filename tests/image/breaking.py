"""a machine of an image -> one that is wrong in many ways, and which test has to say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """`command`, run as root, makes the machine wrong; the test of this name then fails with `says` in its words."""

    name: str
    command: str
    test: str
    says: str

    def found_in(self, failures: Mapping[str, str]) -> bool:
        return any(self.says in text for name, text in failures.items() if name.startswith(self.test))


DROP_IN = "/etc/systemd/system"

# The machine has the iptables backend. What breaks the firewall itself comes last: the connection has to live so long.
WAYS = (
    Way(
        "the package is not installed",
        "rpm -e --nodeps --noscripts --notriggers --justdb vps-firewall",
        *("test_package[", "is not installed"),
    ),
    Way(
        "a service does not start at boot",
        "systemctl disable ip6tables.service",
        *("test_services_load", "ip6tables.service is not enabled"),
    ),
    Way(
        "a service is not ordered before the network",
        f"sed '/network-pre/d' /usr/lib/systemd/system/iptables.service >{DROP_IN}/iptables.service; "
        "systemctl daemon-reload",
        *("test_services_come_before", "iptables.service is not ordered before the network"),
    ),
    Way(
        "the stop of a service opens the host",
        f"rm {DROP_IN}/ip6tables.service.d/vps-firewall.conf; systemctl daemon-reload",
        *("test_stop_of_a_service", "the stop of ip6tables.service takes the rules out"),
    ),
    Way(
        "everybody may read the saved rules",
        "chmod 0644 /etc/sysconfig/iptables",
        *("test_saved_rules_are_read", "/etc/sysconfig/iptables has mode 644"),
    ),
    Way(
        "somebody else owns the saved rules",
        "chown nobody /etc/sysconfig/ip6tables",
        *("test_saved_rules_belong", "/etc/sysconfig/ip6tables belongs to nobody"),
    ),
    Way(
        "everybody may write the command",
        "chmod 0777 /usr/bin/vps-firewall",
        *("test_nobody_else_may_write", "/usr/bin/vps-firewall"),
    ),
    Way(
        "a later drop-in takes the module out of cloud-init's list",
        "printf 'cloud_init_modules:\\n- write_files\\n' >/etc/cloud/cloud.cfg.d/99_zz.cfg",
        *("test_module_is_in_cloud_inits_list", "99_zz.cfg comes later"),
    ),
    Way(
        "another firewall is enabled",
        f"printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' "
        f">{DROP_IN}/firewalld.service; systemctl daemon-reload; systemctl enable firewalld.service",
        *("test_no_rival", "firewalld.service is enabled"),
    ),
    Way(
        "the builder's user is there",
        "useradd -m packer",
        *("test_builders_user", "user packer is still there"),
    ),
    Way(
        "the builder's key lets somebody in",
        "mkdir -p /root/.ssh; echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA packer' >>/root/.ssh/authorized_keys",
        *("test_builders_key", "ssh-ed25519"),
    ),
    Way(
        "the builder may become root",
        "echo 'packer ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/packer",
        *("test_builders_rights", "/etc/sudoers.d/packer"),
    ),
    Way(
        "the builder's files are there",
        "mkdir -p /var/tmp/vps-firewall-bake",
        *("test_builders_files", "vps-firewall-bake"),
    ),
    Way(
        "cloud-init remembers another machine",
        "mkdir -p /var/lib/cloud/instances/bake",
        *("test_cloud_inits_state", "/var/lib/cloud/instances/bake"),
    ),
    Way(
        "its machine-id is another machine's",
        "chmod u+w /etc/machine-id; echo '@FIRST@' | grep -o '\"machine-id\": \"[0-9a-f]*' | grep -o '[0-9a-f]*$' "
        ">/etc/machine-id",
        *("test_no_identity_is_shared", "has the same machine-id"),
    ),
    Way(
        "its host key is another machine's",
        "for key in /etc/ssh/ssh_host_*_key.pub; do echo '@FIRST@' | grep -o 'AAAA[^\" ]*' | head -n 1 | "
        "sed 's/^/ssh-ed25519 /' >$key; done",
        *("test_no_identity_is_shared", "has the same SSH host key"),
    ),
    Way(
        "cloud-init's last boot had an error",
        'sed -i \'s/"errors": \\[\\]/"errors": ["it broke"]/\' /run/cloud-init/result.json',
        *("test_cloud_init_is_done", "it broke"),
    ),
    Way(
        "the last run failed",
        'sed -i \'s/"result": "[a-z]*"/"result": "failed"/\' /var/lib/vps-firewall/status-private.json',
        *("test_status[", "failed"),
    ),
    Way(
        "the status is about other rules",
        'sed -i \'s/"digest": "..../"digest": "beef/\' /var/lib/vps-firewall/status-private.json',
        *("test_status_is_about", "the status is stale"),
    ),
    Way(
        "the saved rules are another policy's",
        "sed -i 's/--dports 80,8443/--dports 81,8443/' /etc/sysconfig/iptables",
        *("test_saved_rules_are_the_policys", "/etc/sysconfig/iptables is not what the policy gives"),
    ),
    Way(
        "a rule is missing in the kernel",
        "iptables -D INPUT -s 127.0.0.0/8 -m comment --comment 'vps-firewall base: spoofed loopback' -j DROP",
        *("test_kernel_holds", "spoofed loopback"),
    ),
    Way(
        "its own check finds a difference",
        "true",
        *("test_its_own_check", "spoofed loopback"),
    ),
    Way(
        "a port is open that the policy does not open",
        "iptables -I INPUT -p tcp --dport 3306 -j ACCEPT",
        *("test_kernel_judges", "3306/tcp from 198.51.100.99: accept, the policy says drop"),
    ),
    Way(
        "that port answers from outside",
        "true",
        *("test_tcp", " 3306/tcp: "),
    ),
    Way(
        "IPv6 is open",
        "ip6tables -P INPUT ACCEPT; ip6tables -F INPUT",
        *("test_kernel_judges", "8080/tcp from 2001:db8:ffff::99: accept, the policy says drop"),
    ),
    Way(
        "closed ports answer over IPv6",
        "true",
        *("test_udp", "/udp: closed, and answered"),
    ),
    Way(
        "nothing but a fault stands between an open port and the policy",
        "iptables -I INPUT -p tcp --dport 8443 -j DROP",
        *("test_tcp", " 8443/tcp: silent"),
    ),
)
