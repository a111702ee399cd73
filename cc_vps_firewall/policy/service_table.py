"""The table of services and groups: one row each, with what it opens, what it is, and whom it is for.

Editors, the reference page and warnings show what stands here. `policy/services.py` answers questions about it, and
tests/unit/test_services.py holds every row to IANA's register as Debian's netbase ships it in /etc/services.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """One service.

    `names`: its name and its second names. `opens`: openings, each `port/protocol`, `first-last/protocol`, or a
    protocol without ports. `text`: what it is. `not_iana`: why the openings are not those of the register, or are what
    it gives to another name; empty where they are its own, or nobody's. `internal`: of INTERNAL_KINDS, for what should
    not be open to anywhere.
    """

    names: str
    opens: str
    text: str
    not_iana: str = ""
    internal: str = ""

    @property
    def name(self) -> str:
        return self.names.split()[0]

    @property
    def aliases(self) -> tuple[str, ...]:
        return tuple(self.names.split()[1:])

    @property
    def openings(self) -> tuple[str, ...]:
        return tuple(self.opens.split())


@dataclass(frozen=True)
class Group:
    """Several services under one name. `not_iana`: as of a service, where the register has that name too."""

    name: str
    services: str
    text: str
    not_iana: str = ""

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self.services.split())


# Whoever reaches one of these, without a password, as it comes, or by one bug, has the data or the machine. A policy
# may open it to anywhere all the same; its owner is warned, and no misspelt name is taken for one. In the order in
# which warnings name them.
INTERNAL_KINDS = (
    "a database",
    "a file share",
    "a cluster's inside",
    "a remote desktop",
    "a login in the clear",
    "an open proxy",
    "an amplifier of attacks",
    "an agent that answers anybody",
    "a tool that obeys anybody",
)

# By the headings of the reference page.
SECTIONS: Mapping[str, tuple[Service, ...]] = {
    "Web": (
        Service("http www", "80/tcp", "World Wide Web"),
        Service("https", "443/tcp", "World Wide Web over TLS", not_iana="443/udp is HTTP/3, a name of its own here"),
        Service("http3 quic", "443/udp", "HTTP/3, to be opened beside https", not_iana="registered as a half of https"),
        Service("http-alt tomcat jenkins", "8080/tcp", "web applications beside or behind the web server"),
        Service("https-alt", "8443/tcp", "web applications over TLS"),
        Service("squid http-proxy", "3128/tcp", "Squid web proxy", internal="an open proxy"),
        Service("socks", "1080/tcp", "SOCKS proxy", internal="an open proxy"),
    ),
    "Login and desktop": (
        Service("ssh sftp", "22/tcp", "Secure Shell, for outgoing.allow (what may come in is the key ssh)"),
        Service("mosh", "60000-61000/udp", "Mosh sessions, which start over SSH"),
        Service("telnet", "23/tcp", "Telnet, in the clear", internal="a login in the clear"),
        Service("rdp ms-wbt-server xrdp", "3389/tcp", "Remote Desktop", internal="a remote desktop"),
        Service("vnc", "5900-5903/tcp", "VNC displays :0 to :3", internal="a remote desktop"),
    ),
    "Mail": (
        Service("smtp", "25/tcp", "mail from other servers"),
        Service("smtps submissions", "465/tcp", "mail from users, over TLS"),
        Service("submission", "587/tcp", "mail from users, with STARTTLS"),
        Service("pop3", "110/tcp", "POP3 mailboxes"),
        Service("pop3s", "995/tcp", "POP3 over TLS"),
        Service("imap imap2", "143/tcp", "IMAP mailboxes"),
        Service("imaps", "993/tcp", "IMAP over TLS"),
        Service("sieve managesieve", "4190/tcp", "mail filters edited by users"),
        Service("spamd", "783/tcp", "SpamAssassin", internal="a tool that obeys anybody"),
        Service("clamd", "3310/tcp", "ClamAV scanner", internal="a tool that obeys anybody"),
    ),
    "Names, addresses and time": (
        Service("domain", "53/tcp 53/udp", "DNS"),
        Service("domain-s", "853/tcp 853/udp", "DNS over TLS and over QUIC"),
        Service("dns-over-tls dot", "853/tcp", "DNS over TLS alone", not_iana="the TCP half of domain-s"),
        Service("dns-over-quic doq", "853/udp", "DNS over QUIC alone", not_iana="the UDP half of domain-s"),
        Service("whois", "43/tcp", "WHOIS"),
        Service("ntp", "123/udp", "Network Time Protocol"),
        Service("ntske nts", "4460/tcp", "key exchange of authenticated NTP"),
        Service("bootps dhcp", "67/udp", "DHCP server"),
        Service("dhcpv6-server dhcpv6", "547/udp", "DHCPv6 server"),
        Service("tftp", "69/udp", "boot files", internal="an amplifier of attacks"),
    ),
    "Directory and login services": (
        Service("ldap", "389/tcp", "LDAP directory", not_iana="389/udp is CLDAP, an amplifier, a name of its own here"),
        Service("ldaps", "636/tcp", "LDAP over TLS", not_iana="TLS needs TCP, no directory server answers 636/udp"),
        Service(
            "cldap",
            "389/udp",
            "connectionless LDAP, for Active Directory clients",
            not_iana="the UDP half of ldap",
            internal="an amplifier of attacks",
        ),
        Service("kerberos", "88/tcp 88/udp", "Kerberos tickets"),
        Service("kpasswd", "464/tcp 464/udp", "Kerberos password changes"),
        Service("kerberos-adm kadmin", "749/tcp", "Kerberos administration"),
        Service("radius", "1812/tcp 1812/udp", "RADIUS authentication"),
        Service("radius-acct", "1813/tcp 1813/udp", "RADIUS accounting"),
        Service("auth ident", "113/tcp", "ident, asked by IRC servers"),
    ),
    "Files, storage and backup": (
        Service("ftp", "21/tcp", "FTP control (open the server's passive ports as well)"),
        Service("ftps", "990/tcp", "FTP over TLS (open the server's passive ports as well)"),
        Service("rsync", "873/tcp", "rsync daemon"),
        Service(
            "nfs nfs4",
            "2049/tcp",
            "NFS version 4",
            not_iana="NFSv4 may not run over UDP (RFC 7530, 3.1)",
            internal="a file share",
        ),
        Service("sunrpc rpcbind", "111/tcp 111/udp", "RPC port mapper, for NFS version 3", internal="a file share"),
        Service("mountd", "20048/tcp 20048/udp", "NFS version 3 mounts", internal="a file share"),
        Service("smb microsoft-ds cifs", "445/tcp", "Windows file sharing", internal="a file share"),
        Service("netbios-ns", "137/udp", "NetBIOS names", internal="a file share"),
        Service("netbios-dgm", "138/udp", "NetBIOS datagrams", internal="a file share"),
        Service("netbios-ssn", "139/tcp", "NetBIOS sessions", internal="a file share"),
        Service("afpovertcp afp", "548/tcp", "Apple file sharing", internal="a file share"),
        Service("iscsi iscsi-target", "3260/tcp", "iSCSI targets", internal="a file share"),
        Service("ceph-mon", "3300/tcp 6789/tcp", "Ceph monitors", internal="a file share"),
        Service("ceph", "6800-7568/tcp", "Ceph storage, metadata and manager daemons", internal="a file share"),
        Service("minio", "9000-9001/tcp", "MinIO object storage and its console"),
        Service("syncthing", "22000/tcp 22000/udp", "Syncthing"),
        Service("bacula-dir", "9101/tcp", "Bacula and Bareos director"),
        Service("bacula-fd", "9102/tcp", "Bacula and Bareos client"),
        Service("bacula-sd", "9103/tcp", "Bacula and Bareos storage"),
    ),
    "Databases and caches": (
        Service("postgresql postgres", "5432/tcp", "PostgreSQL", internal="a database"),
        Service("pgbouncer", "6432/tcp", "PgBouncer in front of PostgreSQL", internal="a database"),
        Service("mysql mariadb", "3306/tcp", "MySQL and MariaDB", internal="a database"),
        Service("galera", "4444/tcp 4567/tcp 4567/udp 4568/tcp", "Galera replication", internal="a database"),
        Service("redis valkey", "6379/tcp", "Redis and Valkey", internal="a database"),
        Service("redis-sentinel", "26379/tcp", "Redis Sentinel", internal="a database"),
        Service(
            "memcached",
            "11211/tcp",
            "memcached (its UDP port is an amplifier and stays closed)",
            internal="a database",
        ),
        Service("mongodb", "27017/tcp", "MongoDB", internal="a database"),
        Service("ms-sql-s mssql", "1433/tcp", "Microsoft SQL Server", internal="a database"),
        Service("oracle", "1521/tcp", "Oracle listener", internal="a database"),
        Service("cassandra scylla", "9042/tcp", "Cassandra and ScyllaDB clients", internal="a database"),
        Service("clickhouse", "9000/tcp", "ClickHouse", internal="a database"),
        Service("influxdb", "8086/tcp", "InfluxDB", internal="a database"),
        Service("etcd-client", "2379/tcp", "etcd clients", internal="a database"),
        Service("etcd-server etcd-peer", "2380/tcp", "etcd peers", internal="a database"),
        Service("zookeeper", "2181/tcp", "ZooKeeper clients", internal="a database"),
    ),
    "Search": (
        Service("elasticsearch opensearch", "9200/tcp", "Elasticsearch and OpenSearch", internal="a database"),
        Service("elasticsearch-transport", "9300/tcp", "Elasticsearch and OpenSearch nodes", internal="a database"),
        Service("kibana opensearch-dashboards", "5601/tcp", "Kibana", internal="a tool that obeys anybody"),
    ),
    "Message brokers": (
        Service("amqp rabbitmq", "5672/tcp", "AMQP", not_iana="5672/sctp is left out, brokers listen on TCP"),
        Service("amqps", "5671/tcp", "AMQP over TLS"),
        Service("rabbitmq-management", "15672/tcp", "RabbitMQ console"),
        Service("epmd", "4369/tcp", "Erlang port mapper", internal="a cluster's inside"),
        Service("mqtt", "1883/tcp", "MQTT"),
        Service("secure-mqtt mqtts", "8883/tcp", "MQTT over TLS"),
        Service("kafka", "9092/tcp", "Kafka", internal="a database"),
        Service("nats", "4222/tcp", "NATS clients"),
        Service("stomp", "61613/tcp", "STOMP"),
    ),
    "Monitoring and logs": (
        Service("prometheus", "9090/tcp", "Prometheus", internal="a tool that obeys anybody"),
        Service("pushgateway", "9091/tcp", "Prometheus Pushgateway", internal="a tool that obeys anybody"),
        Service("alertmanager", "9093/tcp", "Prometheus Alertmanager", internal="a tool that obeys anybody"),
        Service(
            "node-exporter",
            "9100/tcp",
            "Prometheus metrics of the machine",
            internal="an agent that answers anybody",
        ),
        Service("telegraf", "9273/tcp", "Telegraf, scraped by Prometheus", internal="an agent that answers anybody"),
        Service("grafana", "3000/tcp", "Grafana"),
        Service("loki", "3100/tcp", "Grafana Loki", internal="a tool that obeys anybody"),
        Service("otlp", "4317-4318/tcp", "OpenTelemetry over gRPC and HTTP"),
        Service("zabbix-agent", "10050/tcp", "Zabbix agent"),
        Service("zabbix-trapper zabbix-server", "10051/tcp", "Zabbix server and proxy"),
        Service("nrpe", "5666/tcp", "Nagios remote plugins", internal="an agent that answers anybody"),
        Service("nsca", "5667/tcp", "Nagios passive checks"),
        Service("icinga2", "5665/tcp", "Icinga agents and masters"),
        Service("checkmk-agent", "6556/tcp", "Checkmk agent", internal="an agent that answers anybody"),
        Service("snmp", "161/tcp 161/udp", "SNMP agent", internal="an amplifier of attacks"),
        Service("snmp-trap snmptrap", "162/tcp 162/udp", "SNMP traps"),
        Service("munin munin-node", "4949/tcp", "Munin node", internal="an agent that answers anybody"),
        Service("netdata", "19999/tcp", "Netdata"),
        Service("graphite", "2003-2004/tcp 2003/udp", "Graphite's collector"),
        Service("statsd", "8125/udp", "StatsD"),
        Service("collectd", "25826/udp", "collectd"),
        Service("iperf3", "5201/tcp 5201/udp", "bandwidth tests"),
        Service("syslog", "514/udp", "syslog over UDP", not_iana="514/tcp is rsh's shell first, and syslog-tcp here"),
        Service("syslog-tcp", "514/tcp", "syslog over TCP, as rsyslog does", not_iana="registered to rsh's shell"),
        Service("syslog-tls", "6514/tcp", "syslog over TLS"),
        Service("beats logstash", "5044/tcp", "Logstash, fed by Beats"),
        Service("gelf", "12201/tcp 12201/udp", "Graylog input"),
        Service("fluentd fluent-bit", "24224/tcp 24224/udp", "Fluentd and Fluent Bit forwarding"),
    ),
    "VPN, tunnels and routing": (
        Service("wireguard wg", "51820/udp", "WireGuard"),
        Service("openvpn", "1194/tcp 1194/udp", "OpenVPN"),
        Service("isakmp ike", "500/udp", "IPsec key exchange"),
        Service("ipsec-nat-t", "4500/udp", "IPsec through NAT"),
        Service("esp", "esp", "IPsec encryption"),
        Service("ah", "ah", "IPsec authentication"),
        Service("gre", "gre", "GRE tunnels"),
        Service("l2tp", "1701/udp", "L2TP, to be opened beside ipsec"),
        Service("pptp", "1723/tcp gre", "PPTP"),
        Service("openconnect ocserv", "443/tcp 443/udp", "OpenConnect VPN", not_iana="it listens where HTTPS does"),
        Service("tailscale", "41641/udp", "Tailscale, direct connections"),
        Service("zerotier", "9993/udp", "ZeroTier"),
        Service("tinc", "655/tcp 655/udp", "tinc"),
        Service("vxlan", "4789/udp", "VXLAN", internal="a cluster's inside"),
        Service("bgp", "179/tcp", "BGP"),
        Service("vrrp keepalived", "vrrp", "VRRP, as keepalived speaks it"),
    ),
    "Voice, video and chat": (
        Service("sip", "5060/tcp 5060/udp", "SIP"),
        Service("sips sip-tls", "5061/tcp 5061/udp", "SIP over TLS"),
        Service("asterisk-rtp", "10000-20000/udp", "Asterisk's voice and video streams"),
        Service("iax", "4569/udp", "Asterisk trunks"),
        Service("stun turn", "3478/tcp 3478/udp", "STUN and TURN"),
        Service("stuns turns", "5349/tcp 5349/udp", "STUN and TURN over TLS"),
        Service("turn-relay", "49152-65535/udp", "the ports that a TURN server relays on"),
        Service("jitsi-videobridge", "10000/udp", "Jitsi video streams"),
        Service("xmpp-client jabber-client", "5222/tcp", "XMPP clients"),
        Service("xmpp-server jabber-server", "5269/tcp", "XMPP servers"),
        Service("matrix-federation", "8448/tcp", "Matrix servers"),
        Service("ircd irc", "6667/tcp", "IRC"),
        Service("ircs-u ircs", "6697/tcp", "IRC over TLS"),
        Service("mumble", "64738/tcp 64738/udp", "Mumble"),
        Service("teamspeak3 teamspeak ts3", "9987/udp 30033/tcp", "TeamSpeak 3 voice and files"),
        Service("rtmp", "1935/tcp", "video streams sent to the server"),
        Service("rtsp", "554/tcp", "video streams", not_iana="RTSP over UDP was dropped by RFC 7826"),
        Service("plex", "32400/tcp", "Plex"),
        Service("jellyfin emby", "8096/tcp", "Jellyfin and Emby"),
    ),
    "Games": (
        Service("minecraft", "25565/tcp", "Minecraft, Java edition"),
        Service("minecraft-bedrock", "19132-19133/udp", "Minecraft, Bedrock edition (IPv4, IPv6)"),
        Service("source-engine srcds", "27015/tcp 27015/udp", "Counter-Strike and kin"),
        Service("valheim", "2456-2458/udp", "Valheim"),
        Service("factorio", "34197/udp", "Factorio"),
        Service("terraria", "7777/tcp", "Terraria"),
        Service("satisfactory", "7777/tcp 7777/udp 8888/tcp", "Satisfactory"),
        Service("palworld", "8211/udp", "Palworld"),
    ),
    "Containers, clusters and virtual machines": (
        Service(
            "docker-tls",
            "2376/tcp",
            "Docker API over TLS (2375, without, is root for anybody: no name here)",
            internal="a cluster's inside",
        ),
        Service("docker-swarm", "2377/tcp 7946/tcp 7946/udp 4789/udp", "Docker Swarm", internal="a cluster's inside"),
        Service("docker-registry", "5000/tcp", "container registry"),
        Service("kube-apiserver", "6443/tcp", "Kubernetes API"),
        Service("kubelet", "10250/tcp", "Kubernetes node agent", internal="a cluster's inside"),
        Service("kube-proxy", "10256/tcp", "Kubernetes node health, asked by load balancers"),
        Service("kube-controller-manager", "10257/tcp", "Kubernetes controller manager", internal="a cluster's inside"),
        Service("kube-scheduler", "10259/tcp", "Kubernetes scheduler", internal="a cluster's inside"),
        Service("kube-nodeports", "30000-32767/tcp 30000-32767/udp", "Kubernetes NodePort services"),
        Service("nomad", "4646-4648/tcp 4648/udp", "Nomad", internal="a cluster's inside"),
        Service("consul", "8300-8302/tcp 8301-8302/udp", "Consul servers and agents", internal="a cluster's inside"),
        Service("consul-http", "8500/tcp", "Consul API", internal="a cluster's inside"),
        Service("vault", "8200-8201/tcp", "Vault"),
        Service(
            "high-availability pacemaker",
            "2224/tcp 3121/tcp 5404-5412/udp 21064/tcp",
            "Pacemaker, Corosync, DLM",
            internal="a cluster's inside",
        ),
        Service("incus lxd", "8443/tcp", "Incus and LXD API"),
    ),
    "Panels": (
        Service("cockpit", "9090/tcp", "Cockpit"),
        Service("webmin", "10000/tcp", "Webmin"),
        Service("cpanel", "2082-2083/tcp", "cPanel"),
        Service(
            "whm",
            "2086-2087/tcp",
            "cPanel's Web Host Manager",
            not_iana="chose a port that is registered to gnunet",
        ),
        Service("plesk", "8443/tcp 8880/tcp", "Plesk"),
        Service("directadmin", "2222/tcp", "DirectAdmin"),
        Service("proxmox pve", "8006/tcp", "Proxmox VE"),
    ),
    "Development and automation": (
        Service("git", "9418/tcp", "Git's own protocol"),
        Service("svn subversion", "3690/tcp", "Subversion"),
        Service("gitea forgejo", "3000/tcp", "Gitea and Forgejo"),
        Service("puppet", "8140/tcp", "Puppet server"),
        Service("salt-master salt", "4505-4506/tcp", "Salt master"),
        Service("jupyter", "8888/tcp", "Jupyter"),
        Service("ollama", "11434/tcp", "Ollama", internal="a tool that obeys anybody"),
    ),
    "Peer to peer": (
        Service("bittorrent", "6881-6889/tcp 6881-6889/udp", "BitTorrent"),
        Service("transmission", "51413/tcp 51413/udp", "Transmission"),
        Service("tor", "9001/tcp", "Tor relay"),
        Service("bitcoin", "8333/tcp", "Bitcoin"),
    ),
    "Printing and the rest": (
        Service("ipp cups", "631/tcp", "printing"),
        Service("printer lpd", "515/tcp", "printing, the old way"),
    ),
}

GROUP_TABLE = (
    Group("web", "http https", "web server"),
    Group("mail", "smtp smtps pop3 pop3s imap imaps submission", "mail server", "netbase's mail is smtp"),
    Group("dns", "domain", "name server"),
    Group(
        "monitoring",
        "node-exporter telegraf zabbix-agent nrpe icinga2 checkmk-agent snmp munin",
        "agents that a monitoring server asks (name it in from)",
    ),
    Group("ipsec", "isakmp ipsec-nat-t esp ah", "IPsec VPN"),
    Group("samba", "netbios-ns netbios-dgm netbios-ssn smb", "Windows file sharing, old clients included"),
    Group("freeipa", "http https ldap ldaps kerberos kpasswd", "FreeIPA server, without its DNS"),
    Group("asterisk", "sip sips asterisk-rtp", "telephony"),
    Group("coturn", "stun stuns turn-relay", "TURN server and its relay ports"),
    Group("jitsi", "http https jitsi-videobridge", "Jitsi Meet"),
    Group("matrix", "https matrix-federation", "Matrix home server"),
    Group("xmpp", "xmpp-client xmpp-server", "XMPP server"),
    Group("bacula", "bacula-dir bacula-fd bacula-sd", "Bacula or Bareos, all daemons on one machine"),
    Group("kubernetes-node", "kubelet kube-proxy kube-nodeports", "Kubernetes worker, without its pod network"),
    Group(
        "kubernetes-control-plane",
        "kube-apiserver etcd-client etcd-server kubelet kube-controller-manager kube-scheduler",
        "Kubernetes control plane, without its pod network",
    ),
)
