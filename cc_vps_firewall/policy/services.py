"""service name -> openings: what `allow: [http, mail]` opens, by service, second name or group.

One line a service: its name and its second names, its openings, and what it is. An opening is
`port/protocol`, `first-last/protocol`, or a protocol without ports. The openings are those of IANA's register
as Debian's netbase ships it in /etc/services; where a line deviates, or takes a port that netbase gives to
another name, its comment says why after `; not IANA:`. tests/unit/test_services.py holds every line to that.
Where the module must be small, the comments can be stripped.
"""

from __future__ import annotations

from collections.abc import Mapping

_SERVICES = {
    # Web
    "http www": "80/tcp",  # World Wide Web
    "https": "443/tcp",  # World Wide Web over TLS; not IANA: 443/udp is HTTP/3, a name of its own here
    "http3 quic": "443/udp",  # HTTP/3, to be opened beside https; not IANA: registered as a half of https
    "http-alt tomcat jenkins": "8080/tcp",  # web applications beside or behind the web server
    "https-alt": "8443/tcp",  # web applications over TLS
    "squid http-proxy": "3128/tcp",  # Squid web proxy
    "socks": "1080/tcp",  # SOCKS proxy
    # Login and desktop
    "ssh sftp": "22/tcp",  # Secure Shell, for outgoing.allow (what may come in is the key ssh)
    "mosh": "60000-61000/udp",  # Mosh sessions, which start over SSH
    "telnet": "23/tcp",  # Telnet, in the clear
    "rdp ms-wbt-server xrdp": "3389/tcp",  # Remote Desktop
    "vnc": "5900-5903/tcp",  # VNC displays :0 to :3
    # Mail
    "smtp": "25/tcp",  # mail from other servers
    "smtps submissions": "465/tcp",  # mail from users, over TLS
    "submission": "587/tcp",  # mail from users, with STARTTLS
    "pop3": "110/tcp",  # POP3 mailboxes
    "pop3s": "995/tcp",  # POP3 over TLS
    "imap imap2": "143/tcp",  # IMAP mailboxes
    "imaps": "993/tcp",  # IMAP over TLS
    "sieve managesieve": "4190/tcp",  # mail filters edited by users
    "spamd": "783/tcp",  # SpamAssassin
    "clamd": "3310/tcp",  # ClamAV scanner
    # Names, addresses and time
    "domain": "53/tcp 53/udp",  # DNS
    "domain-s": "853/tcp 853/udp",  # DNS over TLS and over QUIC
    "dns-over-tls dot": "853/tcp",  # DNS over TLS alone; not IANA: the TCP half of domain-s
    "dns-over-quic doq": "853/udp",  # DNS over QUIC alone; not IANA: the UDP half of domain-s
    "whois": "43/tcp",  # WHOIS
    "ntp": "123/udp",  # Network Time Protocol
    "ntske nts": "4460/tcp",  # key exchange of authenticated NTP
    "bootps dhcp": "67/udp",  # DHCP server
    "dhcpv6-server dhcpv6": "547/udp",  # DHCPv6 server
    "tftp": "69/udp",  # boot files
    # Directory and login services
    "ldap": "389/tcp",  # LDAP directory; not IANA: 389/udp is CLDAP, an amplifier, a name of its own here
    "ldaps": "636/tcp",  # LDAP over TLS; not IANA: TLS needs TCP, no directory server answers 636/udp
    "cldap": "389/udp",  # connectionless LDAP, for Active Directory clients; not IANA: the UDP half of ldap
    "kerberos": "88/tcp 88/udp",  # Kerberos tickets
    "kpasswd": "464/tcp 464/udp",  # Kerberos password changes
    "kerberos-adm kadmin": "749/tcp",  # Kerberos administration
    "radius": "1812/tcp 1812/udp",  # RADIUS authentication
    "radius-acct": "1813/tcp 1813/udp",  # RADIUS accounting
    "auth ident": "113/tcp",  # ident, asked by IRC servers
    # Files, storage and backup
    "ftp": "21/tcp",  # FTP control (open the server's passive ports as well)
    "ftps": "990/tcp",  # FTP over TLS (open the server's passive ports as well)
    "rsync": "873/tcp",  # rsync daemon
    "nfs nfs4": "2049/tcp",  # NFS version 4; not IANA: NFSv4 may not run over UDP (RFC 7530, 3.1)
    "sunrpc rpcbind": "111/tcp 111/udp",  # RPC port mapper, for NFS version 3
    "mountd": "20048/tcp 20048/udp",  # NFS version 3 mounts
    "smb microsoft-ds cifs": "445/tcp",  # Windows file sharing
    "netbios-ns": "137/udp",  # NetBIOS names
    "netbios-dgm": "138/udp",  # NetBIOS datagrams
    "netbios-ssn": "139/tcp",  # NetBIOS sessions
    "afpovertcp afp": "548/tcp",  # Apple file sharing
    "iscsi iscsi-target": "3260/tcp",  # iSCSI targets
    "ceph-mon": "3300/tcp 6789/tcp",  # Ceph monitors
    "ceph": "6800-7568/tcp",  # Ceph storage, metadata and manager daemons
    "minio": "9000-9001/tcp",  # MinIO object storage and its console
    "syncthing": "22000/tcp 22000/udp",  # Syncthing
    "bacula-dir": "9101/tcp",  # Bacula and Bareos director
    "bacula-fd": "9102/tcp",  # Bacula and Bareos client
    "bacula-sd": "9103/tcp",  # Bacula and Bareos storage
    # Databases and caches
    "postgresql postgres": "5432/tcp",  # PostgreSQL
    "pgbouncer": "6432/tcp",  # PgBouncer in front of PostgreSQL
    "mysql mariadb": "3306/tcp",  # MySQL and MariaDB
    "galera": "4444/tcp 4567/tcp 4567/udp 4568/tcp",  # Galera replication
    "redis valkey": "6379/tcp",  # Redis and Valkey
    "redis-sentinel": "26379/tcp",  # Redis Sentinel
    "memcached": "11211/tcp",  # memcached (its UDP port is an amplifier and stays closed)
    "mongodb": "27017/tcp",  # MongoDB
    "ms-sql-s mssql": "1433/tcp",  # Microsoft SQL Server
    "oracle": "1521/tcp",  # Oracle listener
    "cassandra scylla": "9042/tcp",  # Cassandra and ScyllaDB clients
    "clickhouse": "9000/tcp",  # ClickHouse
    "influxdb": "8086/tcp",  # InfluxDB
    "etcd-client": "2379/tcp",  # etcd clients
    "etcd-server etcd-peer": "2380/tcp",  # etcd peers
    "zookeeper": "2181/tcp",  # ZooKeeper clients
    # Search
    "elasticsearch opensearch": "9200/tcp",  # Elasticsearch and OpenSearch
    "elasticsearch-transport": "9300/tcp",  # Elasticsearch and OpenSearch nodes
    "kibana opensearch-dashboards": "5601/tcp",  # Kibana
    # Message brokers
    "amqp rabbitmq": "5672/tcp",  # AMQP; not IANA: 5672/sctp is left out, brokers listen on TCP
    "amqps": "5671/tcp",  # AMQP over TLS
    "rabbitmq-management": "15672/tcp",  # RabbitMQ console
    "epmd": "4369/tcp",  # Erlang port mapper
    "mqtt": "1883/tcp",  # MQTT
    "secure-mqtt mqtts": "8883/tcp",  # MQTT over TLS
    "kafka": "9092/tcp",  # Kafka
    "nats": "4222/tcp",  # NATS clients
    "stomp": "61613/tcp",  # STOMP
    # Monitoring and logs
    "prometheus": "9090/tcp",  # Prometheus
    "pushgateway": "9091/tcp",  # Prometheus Pushgateway
    "alertmanager": "9093/tcp",  # Prometheus Alertmanager
    "node-exporter": "9100/tcp",  # Prometheus metrics of the machine
    "telegraf": "9273/tcp",  # Telegraf, scraped by Prometheus
    "grafana": "3000/tcp",  # Grafana
    "loki": "3100/tcp",  # Grafana Loki
    "otlp": "4317-4318/tcp",  # OpenTelemetry over gRPC and HTTP
    "zabbix-agent": "10050/tcp",  # Zabbix agent
    "zabbix-trapper zabbix-server": "10051/tcp",  # Zabbix server and proxy
    "nrpe": "5666/tcp",  # Nagios remote plugins
    "nsca": "5667/tcp",  # Nagios passive checks
    "icinga2": "5665/tcp",  # Icinga agents and masters
    "checkmk-agent": "6556/tcp",  # Checkmk agent
    "snmp": "161/tcp 161/udp",  # SNMP agent
    "snmp-trap snmptrap": "162/tcp 162/udp",  # SNMP traps
    "munin munin-node": "4949/tcp",  # Munin node
    "netdata": "19999/tcp",  # Netdata
    "graphite": "2003-2004/tcp 2003/udp",  # Graphite's collector
    "statsd": "8125/udp",  # StatsD
    "collectd": "25826/udp",  # collectd
    "iperf3": "5201/tcp 5201/udp",  # bandwidth tests
    "syslog": "514/udp",  # syslog over UDP; not IANA: 514/tcp is rsh's shell first, and syslog-tcp here
    "syslog-tcp": "514/tcp",  # syslog over TCP, as rsyslog does; not IANA: registered to rsh's shell
    "syslog-tls": "6514/tcp",  # syslog over TLS
    "beats logstash": "5044/tcp",  # Logstash, fed by Beats
    "gelf": "12201/tcp 12201/udp",  # Graylog input
    "fluentd fluent-bit": "24224/tcp 24224/udp",  # Fluentd and Fluent Bit forwarding
    # VPN, tunnels and routing
    "wireguard wg": "51820/udp",  # WireGuard
    "openvpn": "1194/tcp 1194/udp",  # OpenVPN
    "isakmp ike": "500/udp",  # IPsec key exchange
    "ipsec-nat-t": "4500/udp",  # IPsec through NAT
    "esp": "esp",  # IPsec encryption
    "ah": "ah",  # IPsec authentication
    "gre": "gre",  # GRE tunnels
    "l2tp": "1701/udp",  # L2TP, to be opened beside ipsec
    "pptp": "1723/tcp gre",  # PPTP
    "openconnect ocserv": "443/tcp 443/udp",  # OpenConnect VPN; not IANA: it listens where HTTPS does
    "tailscale": "41641/udp",  # Tailscale, direct connections
    "zerotier": "9993/udp",  # ZeroTier
    "tinc": "655/tcp 655/udp",  # tinc
    "vxlan": "4789/udp",  # VXLAN
    "bgp": "179/tcp",  # BGP
    "vrrp keepalived": "vrrp",  # VRRP, as keepalived speaks it
    # Voice, video and chat
    "sip": "5060/tcp 5060/udp",  # SIP
    "sips sip-tls": "5061/tcp 5061/udp",  # SIP over TLS
    "asterisk-rtp": "10000-20000/udp",  # Asterisk's voice and video streams
    "iax": "4569/udp",  # Asterisk trunks
    "stun turn": "3478/tcp 3478/udp",  # STUN and TURN
    "stuns turns": "5349/tcp 5349/udp",  # STUN and TURN over TLS
    "turn-relay": "49152-65535/udp",  # the ports that a TURN server relays on
    "jitsi-videobridge": "10000/udp",  # Jitsi video streams
    "xmpp-client jabber-client": "5222/tcp",  # XMPP clients
    "xmpp-server jabber-server": "5269/tcp",  # XMPP servers
    "matrix-federation": "8448/tcp",  # Matrix servers
    "ircd irc": "6667/tcp",  # IRC
    "ircs-u ircs": "6697/tcp",  # IRC over TLS
    "mumble": "64738/tcp 64738/udp",  # Mumble
    "teamspeak3 teamspeak ts3": "9987/udp 30033/tcp",  # TeamSpeak 3 voice and files
    "rtmp": "1935/tcp",  # video streams sent to the server
    "rtsp": "554/tcp",  # video streams; not IANA: RTSP over UDP was dropped by RFC 7826
    "plex": "32400/tcp",  # Plex
    "jellyfin emby": "8096/tcp",  # Jellyfin and Emby
    # Games
    "minecraft": "25565/tcp",  # Minecraft, Java edition
    "minecraft-bedrock": "19132-19133/udp",  # Minecraft, Bedrock edition (IPv4, IPv6)
    "source-engine srcds": "27015/tcp 27015/udp",  # Counter-Strike and kin
    "valheim": "2456-2458/udp",  # Valheim
    "factorio": "34197/udp",  # Factorio
    "terraria": "7777/tcp",  # Terraria
    "satisfactory": "7777/tcp 7777/udp 8888/tcp",  # Satisfactory
    "palworld": "8211/udp",  # Palworld
    # Containers, clusters and virtual machines
    "docker-tls": "2376/tcp",  # Docker API over TLS (2375, without, is root for anybody: no name here)
    "docker-swarm": "2377/tcp 7946/tcp 7946/udp 4789/udp",  # Docker Swarm
    "docker-registry": "5000/tcp",  # container registry
    "kube-apiserver": "6443/tcp",  # Kubernetes API
    "kubelet": "10250/tcp",  # Kubernetes node agent
    "kube-proxy": "10256/tcp",  # Kubernetes node health, asked by load balancers
    "kube-controller-manager": "10257/tcp",  # Kubernetes controller manager
    "kube-scheduler": "10259/tcp",  # Kubernetes scheduler
    "kube-nodeports": "30000-32767/tcp 30000-32767/udp",  # Kubernetes NodePort services
    "nomad": "4646-4648/tcp 4648/udp",  # Nomad
    "consul": "8300-8302/tcp 8301-8302/udp",  # Consul servers and agents
    "consul-http": "8500/tcp",  # Consul API
    "vault": "8200-8201/tcp",  # Vault
    "high-availability pacemaker": "2224/tcp 3121/tcp 5404-5412/udp 21064/tcp",  # Pacemaker, Corosync, DLM
    "incus lxd": "8443/tcp",  # Incus and LXD API
    # Panels
    "cockpit": "9090/tcp",  # Cockpit
    "webmin": "10000/tcp",  # Webmin
    "cpanel": "2082-2083/tcp",  # cPanel
    "whm": "2086-2087/tcp",  # cPanel's Web Host Manager; not IANA: chose a port that is registered to gnunet
    "plesk": "8443/tcp 8880/tcp",  # Plesk
    "directadmin": "2222/tcp",  # DirectAdmin
    "proxmox pve": "8006/tcp",  # Proxmox VE
    # Development and automation
    "git": "9418/tcp",  # Git's own protocol
    "svn subversion": "3690/tcp",  # Subversion
    "gitea forgejo": "3000/tcp",  # Gitea and Forgejo
    "puppet": "8140/tcp",  # Puppet server
    "salt-master salt": "4505-4506/tcp",  # Salt master
    "jupyter": "8888/tcp",  # Jupyter
    "ollama": "11434/tcp",  # Ollama
    # Peer to peer
    "bittorrent": "6881-6889/tcp 6881-6889/udp",  # BitTorrent
    "transmission": "51413/tcp 51413/udp",  # Transmission
    "tor": "9001/tcp",  # Tor relay
    "bitcoin": "8333/tcp",  # Bitcoin
    # Printing and the rest
    "ipp cups": "631/tcp",  # printing
    "printer lpd": "515/tcp",  # printing, the old way
}

_GROUPS = {
    "web": "http https",  # web server
    "mail": "smtp smtps pop3 pop3s imap imaps submission",  # mail server; not IANA: netbase's mail is smtp
    "dns": "domain",  # name server
    "monitoring": "node-exporter telegraf zabbix-agent nrpe icinga2 "
    "checkmk-agent snmp munin",  # agents that a monitoring server asks (name it in from)
    "ipsec": "isakmp ipsec-nat-t esp ah",  # IPsec VPN
    "samba": "netbios-ns netbios-dgm netbios-ssn smb",  # Windows file sharing, old clients included
    "freeipa": "http https ldap ldaps kerberos kpasswd",  # FreeIPA server, without its DNS
    "asterisk": "sip sips asterisk-rtp",  # telephony
    "coturn": "stun stuns turn-relay",  # TURN server and its relay ports
    "jitsi": "http https jitsi-videobridge",  # Jitsi Meet
    "matrix": "https matrix-federation",  # Matrix home server
    "xmpp": "xmpp-client xmpp-server",  # XMPP server
    "bacula": "bacula-dir bacula-fd bacula-sd",  # Bacula or Bareos, all daemons on one machine
    "kubernetes-node": "kubelet kube-proxy kube-nodeports",  # Kubernetes worker, without its pod network
    "kubernetes-control-plane": "kube-apiserver etcd-client etcd-server kubelet "
    "kube-controller-manager kube-scheduler",  # Kubernetes control plane, without its pod network
}

SERVICES: Mapping[str, tuple[str, ...]] = {n.split()[0]: tuple(o.split()) for n, o in _SERVICES.items()}
ALIASES: Mapping[str, str] = {other: n.split()[0] for n in _SERVICES for other in n.split()[1:]}
GROUPS: Mapping[str, tuple[str, ...]] = {n: tuple(m.split()) for n, m in _GROUPS.items()}


def names() -> tuple[str, ...]:
    """Every name that `allow` takes, sorted."""
    return tuple(sorted([*SERVICES, *ALIASES, *GROUPS]))


def lookup(name: str) -> tuple[str, ...] | None:
    """The openings of a service, second name or group, each once, in the table's order; None if unknown."""
    if name in GROUPS:
        return tuple(dict.fromkeys(o for member in GROUPS[name] for o in SERVICES[member]))
    return SERVICES.get(ALIASES.get(name, name))
