"""The engine called nftables_router -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "ac652e75010840aab0809e5e45f77312f71b3ae206e4fcc7940bcfcb540970a2"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,socket,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class AP:\n'
    '\tpath:0;ag_:0;aj_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.ag_}"\n'
    'class A(Exception):exit_code=1\n'
    'class S(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class R(A):exit_code=3\n'
    'class Q(A):exit_code=4\n'
    'class EJ(A):exit_code=5\n'
    'class EI(A):exit_code=6\n'
    'class EH(A):0\n'
    'class B(Q):0\n'
    'class EK(A):0\n'
    'def D(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def AQ(a):return[str(b)for b in a.problems]if isinstance(a,S)else[D(a)]\n'
    'class FR:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'E=FR()\n'
    "AX='/run/vps-firewall.lock'\n"
    "AZ='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'AY=60\n'
    '@dataclass\n'
    'class U:\n'
    '\te_:0=field(default_factory=dict);af_:0=False\n'
    '\tdef at_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.e_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(C(c).i_):os.rename(C(c).i_,C(c).a_);M(c)\n'
    '\t\t\t\telse:ES(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ac_(a):\n'
    '\t\tfor b in a.e_:M(b)\n'
    'def AF(a,b,mode=384):return BB({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def BB(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tM(d);g,h=e.encode('utf-8','surrogateescape'),CM(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;CO(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.af_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(C(d).a_,C(d).i_)\n'
    '\t\tfor(d,h)in c.items():os.rename(C(d).m_,C(d).a_);b.e_.setdefault(d,h)\n'
    '\t\tCP(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.e_:M(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def ES(a,b,mode):M(a);CO(a,b,mode);os.rename(C(a).m_,C(a).a_);CP([a])\n'
    'def CS():os.sync()\n'
    'def CQ(a,b):\n'
    '\twith open(a,\'r+\',encoding=\'ascii\')as c:c.write(f"{b}\\n")\n'
    'def M(a):\n'
    '\tfor b in(C(a).m_,C(a).i_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class EQ:a_:0;m_:0;i_:0\n'
    'def C(a):b=os.path.realpath(a);c,d=os.path.split(b);return EQ(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def CO(a,b,mode):\n'
    '\tc=C(a);d=os.path.dirname(c.a_)\n'
    '\ttry:\n'
    '\t\tCN(d)\n'
    "\t\tif os.path.exists(c.a_)and not os.path.isfile(c.a_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.m_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);CL(f.fileno(),d,c.a_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:M(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def CL(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def CN(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);CN(b);os.mkdir(a);os.chmod(a,493);CL(a,b,b)\n'
    'def CP(a):\n'
    '\tfor b in{os.path.dirname(C(c).a_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def CM(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    "def N(a,b='replace'):c=CM(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def H(a):\n'
    '\ttry:\n'
    "\t\twith open(E/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def AE(a):\n'
    '\ttry:return sorted(os.listdir(E/a))\n'
    '\texcept OSError:return[]\n'
    'def ER(text,a):\n'
    '\tb=f\'include "{a}"\'\n'
    '\tif text is None:return f"""#!/usr/sbin/nft -f\n'
    '\n'
    'flush ruleset\n'
    '\n'
    '{b}\n'
    '"""\n'
    '\tif b in text.splitlines():return text\n'
    '\treturn f"{text if text.endswith(chr(10))or not text else text+chr(10)}{b}\\n"\n'
    "def L(a):return json.dumps(a,indent=1,sort_keys=True)+'\\n'\n"
    'def CR(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def G(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def BA():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(AX),exist_ok=True);a=os.open(AX,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+AY\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {AY} s; nothing was changed";raise EH(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "CU='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'BD=threading.local()\n'
    "def CZ():a=[*CU,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def CY(a):return shutil.which(a,path=CZ())or''\n"
    "def F(*a,text='',pass_fds=(),limit=0):return EZ(DA(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def DA(*a,text='',pass_fds=()):\n"
    '\tif not text:return CV(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith EY(text)as b:return CV(a,b,pass_fds)\n'
    'def EZ(a,b,c=0,limit=0):\n'
    '\td,e,f=CW(a,b,c,limit)\n'
    '\tif d:raise B(CX(b,d,f))\n'
    '\treturn e\n'
    'def CX(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def CW(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise B(f"{b} gave no answer in {d:.0f} s")from None\n'
    '\t\traise\n'
    "\treturn a.returncode,e.decode('utf-8','replace'),f.decode('utf-8','replace')\n"
    '@contextmanager\n'
    'def EY(text):\n'
    '\timport fcntl;a=text.encode();b,c=os.pipe()\n'
    '\ttry:fcntl.fcntl(c,1031,len(a)or 1)\n'
    "\texcept OSError:os.close(b);os.close(c);b=os.memfd_create('vps-firewall',os.MFD_CLOEXEC);c=os.dup(b)\n"
    '\ttry:\n'
    "\t\twith open(c,'wb')as d:d.write(a)\n"
    '\t\twith contextlib.suppress(OSError):os.lseek(b,0,os.SEEK_SET)\n'
    '\t\tyield b\n'
    '\tfinally:os.close(b)\n'
    'def CV(a,b,pass_fds):\n'
    '\tc=a[0]if os.path.isabs(a[0])else CY(a[0])\n'
    '\tif not c:raise B(f"{a[0]} is not installed")\n'
    "\td={'PATH':CZ(),'LC_ALL':'C'}\n"
    "\tif getattr(BD,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise B(f"{a[0]}: {e.strerror}")from None\n'
    '@contextmanager\n'
    'def BE():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(EX).result();yield a\n"
    'def EX():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise R(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tBD.alone=True\n'
    'def FQ(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "K='vps-firewall.service'\n"
    "CJ='/etc/vps-firewall'\n"
    "CI={0:'nft',4:'v4',6:'v6'}\n"
    "AD='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class T:c_:0;b_:0=(K,);ai_:0='';o_:0='';fallback:0='';w_:0='';v_:0=False;ak_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class AS:\n'
    '\tname:0;ad_:0=frozenset();q_:0=field(default_factory=dict)\n'
    '\tdef ae_(a,b,c):d={e:f"{CJ}/rules.{CI[e]}"for e in c};return a.q_.get(b)or T(d,ai_=b)\n'
    "AV='/etc/nftables/vps-firewall.nft'\n"
    "AC=AS('other')\n"
    "CK=AS('redhat',frozenset({'rhel','fedora','centos'}),q_={'iptables':T({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',w_=AD+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':T({0:AV},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',w_=AD)})\n"
    'CH=AS(\'debian\',frozenset({\'debian\',\'ubuntu\'}),q_={\'iptables\':T({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',ak_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':T({0:AV},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',w_=AD,v_=True)})\n'
    'AR={each.name:each for each in(CK,CH,AC)}\n'
    'AT=tuple(place for each in AR.values()for place in each.q_.values())\n'
    'AU=frozenset(unit for place in AT for unit in place.b_)|{K}\n'
    "CT='cloud-init-local.service'\n"
    "BL='/etc/systemd/system'\n"
    'def DF(a):b=os.path.realpath(E/os.devnull);return any(os.path.realpath(E/f"{c}/{a}")==b for c in AZ)\n'
    'def O(a):return not DF(a)and any(a in AE(f"etc/systemd/system/{b}")for b in AE(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def FK(a,b,c,d):\n'
    '\tif c:return{f"{BL}/{K}":FH(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+DC;return{FF(f):e+b.w_.replace('UNIT',f.partition('.')[0])for f in b.b_}\n"
    'def FF(a):return f"{BL}/{a}.d/vps-firewall.conf"\n'
    'DC=f"[Unit]\\nBefore={CT}\\n"\n'
    'def FH(a,b,c):d=a.x_(b.c_,c);e=\'\'.join(f"After={f}\\n"for f in b.b_ if b.v_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def DD():return[]\n'
    "def FG(a):F('systemctl',*DD(),'enable',a)\n"
    "def FE(a):F('systemctl','disable',a,'--no-reload');F('systemctl','mask',a,'--no-reload')\n"
    'def FJ(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):F('systemctl','stop',a)\n"
    "def DE(a):F('systemctl',*DD(),'disable',a)\n"
    'def FI():\n'
    "\tif os.path.isdir('/run/systemd/system'):F('systemctl','daemon-reload')\n"
    "AG='/etc/ufw/ufw.conf'\n"
    "V={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    'def BC():return tuple(a for a in V if EU(a))\n'
    'def EU(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',H(AG)))\n'
    '\treturn O(V[a])\n'
    'def EV(a,b):\n'
    '\tc=V[a];d=[lambda:FE(c),lambda:FJ(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:ET(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(D(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def ET(a):\n'
    "\tb=N(AG,'surrogateescape')or'';AF({AG:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},U(),mode=None)\n"
    "\tif not a.shares_tables:F('ufw','--force','disable')\n"
    "I='/var/lib/vps-firewall'\n"
    'BG=f"{I}/status-private.json"\n'
    'BF=f"{I}/status.json"\n'
    'AH=f"{I}/policy.json"\n'
    'AI=f"{I}/services.json"\n'
    'BH=f"{I}/tools"\n'
    "def BI():a=(N('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    "def FA():return frozenset(CR(G(AI),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class EL:t_:0=AC;major:0=0;b_:0=frozenset();ah_:0=frozenset();f_:0=();p_:0=True\n'
    "def EO(a):b=EN();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return EL(t_=next((d for d in AR.values()if d.ad_&c),AC),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),b_=frozenset(e for e in AU if EM(e)),ah_=frozenset(e for e in AU if O(e))-a,f_=BC(),p_=os.path.exists(E/'proc/net/if_inet6'))\n"
    'def EM(a):b=any(a in AE(c)for c in AZ);d=[e for f in AT if a in f.b_ for e in f.ak_];return b and all(os.path.exists(E/e)for e in d)and not DF(a)\n'
    'def EP():return tuple(dict.fromkeys(a for(b,a)in AW()))\n'
    "def AW():a=[b.split()for b in H('proc/net/route').splitlines()];c=[(4,d[0])for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in H('proc/net/ipv6_route').splitlines()];c+=[(6,d[-1])for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e[1]!='lo'))\n"
    'def EN():a=H(\'etc/os-release\')or H(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    "W={4:'net/ipv4/ip_forward',6:'net/ipv6/conf/all/forwarding'}\n"
    'AJ=f"{I}/forwarding.json"\n'
    "BJ='# Made by vps-firewall. Changes here are lost.\\n'\n"
    'def FB(a,b,c):\n'
    '\td,e=DB(a,b),{};f=[W[g]for g in d]\n'
    '\tif 6 in d:h=[f"net/ipv6/conf/{i}/accept_ra"for i in AE(\'proc/sys/net/ipv6/conf\')];f=[i for i in h if\'/all/\'not in i and AK(i)in\'12\']+f\n'
    '\tj={i:AK(i)for i in f if AK(i)!=BK(i)}\n'
    '\tif not j:return\n'
    '\tk=AW()\n'
    '\tfor(g,i)in k:\n'
    '\t\tl=H(f"run/systemd/netif/links/{socket.if_nametoindex(i)}")\n'
    '\t\tif(m:=re.search(\'NETWORK_FILE=\\\\S*/(\\\\S+)\',l))and g==6 in d:n=f"/etc/systemd/network/{m[1]}.d/vps-firewall-forwarding.conf";e[n]=f"{BJ}[Network]\\nIPv6AcceptRA=yes\\n"\n'
    '\te[\'/etc/sysctl.d/99-vps-firewall.conf\']=BJ+\'\'.join(f"{i} = {BK(i)}\\n"for i in f);AF({AJ:L(j)},c);AF(e,c,420)\n'
    '\tfor i in j:\n'
    '\t\ttry:CQ(f"/proc/sys/{i}",BK(i))\n'
    '\t\texcept OSError as o:raise A(f"/proc/sys/{i} cannot be written ({o.strerror})")from None\n'
    '\ttime.sleep(5)\n'
    "\tif{*k}-{*AW()}:raise A('a default route was gone after forwarding was switched on')\n"
    'def FD(a):\n'
    '\tif AJ in a.e_:\n'
    '\t\tfor(b,c)in G(AJ).items():CQ(f"/proc/sys/{b}",str(c))\n'
    'def FC(a,b,c):c+=[f"+kernel {W[d]} = 1"for d in DB(a,b)if AK(W[d])!=\'1\']\n'
    "def DB(a,b):c=a.get('forward');return[d for d in c if d==4 or b.p_]if isinstance(c,list)else[]\n"
    "def BK(a):return'1'if a in W.values()else'2'\n"
    'def AK(a):return H(f"proc/sys/{a}").strip()\n'
    '@dataclass(frozen=True)\n'
    'class FM:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class FO:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class FN:l_:0;al_:0\n'
    "def DJ(a):b=tuple(FM(c['backend'],DI(c['texts']))for c in a['candidates']);return FO(a['name'],b,DI(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def DI(a):return{int(b):c for(b,c)in a.items()}\n'
    'def DK(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "X='inet vps_firewall'\n"
    "def Y(a):a=re.sub('\\\\t# count \\\\d+$','',a,flags=re.MULTILINE);return re.sub('(\\\\tflags dynamic[^\\\\n]*\\\\n(?:\\\\t\\\\t\\\\w[^\\\\n]*\\\\n)*?)\\\\t\\\\telements = \\\\{[^}]*\\\\}\\\\n','\\\\1',a)\n"
    'def DL(a):\n'
    "\tb,c='',[]\n"
    '\tfor d in a.splitlines():\n'
    '\t\tif d.startswith(\'\\t\\t\'):c.append(f"{b}: {d.strip()}")\n'
    "\t\telif d.startswith('\\t')and d.endswith(' {'):b=d[1:-2];c.append(b)\n"
    "\treturn'\\n'.join(c)\n"
    'class DX:\n'
    "\tname='nftables';families=0,;shares_tables=False;n_='nft',\n"
    '\tdef x_(a,b,c):return[f"{c[\'nft\']} -f {b[0]}"]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\tif b:F('nft','-f','-',text=b[0],pass_fds=pass_fds)\n"
    '\tdef dump(a,b):\n'
    "\t\tc=DA('nft','-s','list','table',*X.split());d,e,f=CW(c,'nft')\n"
    "\t\tif d==1 and f.startswith('Error: No such file or directory'):return{0:''}\n"
    "\t\tif d:raise B(CX('nft',d,f))\n"
    '\t\tif not e.startswith(f"table {X} {{")or not e.rstrip().endswith(\'}\'):raise B(\'nft printed something that is not a table\')\n'
    '\t\treturn{0:e}\n'
    '\tdef ao_(a,b,pass_fds=()):a.load({0:BY+Y(b[0])},(),pass_fds)\n'
    '\tdef y_(a,b,c,d,e,f_):\n'
    '\t\tif c[0]and e and not a.h_(c,d()):return{},[]\n'
    '\t\treturn dict(b),[]\n'
    '\tdef h_(a,b,c):d,e=Y(b[0]),Y(c[0]);return[]if d==e else DK(DL(e),DL(d))\n'
    '\tdef ap_(a,b,c):return Y(b[0])==Y(c[0])\n'
    '\tdef am_(a,b,f_):return[]\n'
    '\tdef au_(a,b,c,f_):return{0:b[0]},[]\n'
    'BY=f"table {X}\\ndelete table {X}\\n"\n'
    'Z={each.name:each for each in(DX(),)}\n'
    'def FL(a):return CY(a)\n'
    '@dataclass(frozen=True)\n'
    'class FP:\n'
    '\tbackend:0;a_:0;k_:0=False\n'
    '\t@property\n'
    '\tdef b_(a):return(K,)if a.k_ else a.a_.b_\n'
    '\tdef n_(a,b=E):\n'
    '\t\tc={d:FL(d)for d in a.backend.n_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise R(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def AL(a,b):c=Z[a];d=b.t_.ae_(a,c.families);e=b.b_&b.ah_ if d.v_ else b.b_;return FP(c,d,K in d.b_ or not e.issuperset(d.b_))\n'
    "def EW():a,b=G(AH),BI();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def DO(a):return{}\n'
    "def DW(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':BI()if c.good else''};h={*FA(),*(i for i in a.b_ if not O(i))};j={*CR(G(AI),'disabled'),*(V[k]for k in d.f_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AH:(L(g),384),AI:(L(l),384)};return BT(a,b,c.fallback,e,f,also=m)\n"
    'def BT(a,b,fallback,c,d,also=None):\n'
    '\te=a.a_;f=FK(a.backend,e,a.k_,a.n_(E));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.c_.items()}\n'
    '\tif not a.k_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.c_.items()})\n'
    "\tif not a.k_ and e.o_:l=N(E/e.o_,'surrogateescape');j[e.o_]=ER(l,e.c_[0]),None\n"
    '\tm=DO({**j,**g});n={**m,**j,**g,**(also or{})};o=BB({E/h:p for(h,p)in n.items()},c);d+=BS(o)\n'
    '\tif any(h in o for h in g):FI()\n'
    '\treturn o\n'
    'def DV(a,b):c=[d for d in b.t_.q_.values()if d.c_!=a.a_.c_];e=[f for d in c for f in d.b_];return[f for f in e if f not in a.b_ and O(f)]\n'
    'def BR(a,b):\n'
    '\tfor c in a.b_:\n'
    '\t\tif not O(c):b.append(c);FG(c)\n'
    '\tif b:CS()\n'
    'def BS(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):F('restorecon',*a,limit=3.)\n"
    '\texcept B as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def BP(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in DV(a,b):DE(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {D(f)}")\n'
    '\treturn d\n'
    "BU='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def AN():return G(BG)or G(BF)\n'
    'def BX(a):\n'
    '\tb={c:BW(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',L({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):BB({BG:(L(a),384),BF:(d,420)},U())\n'
    "def BW(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def BV(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.a_.c_.values()),'services':list(a.b_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class P:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.r_=AN();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
    '\t@contextlib.contextmanager\n'
    '\tdef d_(a,b):\n'
    '\t\tc=time.monotonic()\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException:a.failed_in=a.failed_in or b;raise\n'
    '\t\tfinally:a.steps[b]=round(time.monotonic()-c,4)\n'
    '\t@contextlib.contextmanager\n'
    '\tdef an_(a):\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException as b:a.aa_(b);raise\n'
    '\t\tfinally:a.write()\n'
    "\tdef aa_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':AQ(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.r_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in BU if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];BX(a.status)\n"
    '\tdef ab_(a,b,c):\n'
    '\t\tif c:return A(f"{D(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,Q)and a.failed_in==\'load\':return Q(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return EJ(f"{D(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class DS:g_:0;texts:0;j_:0;aq_:0;u_:0;e_:0;notes:0\n'
    'def DU(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in DT(a,b):\n'
    '\t\tj=AL(g,b);k=j.backend\n'
    "\t\ttry:j.n_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(BE());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(BQ,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return DS(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(dict.fromkeys(map(str,e)))\n"
    '\tif all(isinstance(t,R)for t in e):raise R(s)\n'
    '\traise Q(f"{s}; nothing was changed")\n'
    'def DT(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.p_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def BQ(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(AM)-c[f].count(AM))for(f,e)in b.items())):raise B(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'AM=\'comment "\'\n'
    'def DR(a,b,c):\n'
    "\td=AL(b,c);e,f=d.backend,[g.texts for g in a.candidates if g.backend==b];h=AN().get('skipped_families',());i=[]\n"
    '\twith BA(),BE()as j:\n'
    '\t\tfor k in f:\n'
    '\t\t\tl={m:n for(m,n)in k.items()if m not in h}\n'
    '\t\t\ttry:j.submit(e.load,l).result();break\n'
    '\t\t\texcept B as o:p=o\n'
    '\t\telse:raise p\n'
    '\t\tq=j.submit(BQ,e,l).result()\n'
    '\t\tfor(m,r)in d.a_.c_.items():i+=DP(e,m,r,k[m],q)\n'
    '\t\ts=[t for t in d.b_ if not O(t)];i+=[f"+{t} enabled: nothing loads the rules at boot"for t in s];i+=DQ(e.h_(e.dump(tuple(l)),q))\n'
    '\tFC(a.source,c,i);return i\n'
    'def DP(a,b,c,text,d):\n'
    '\te=N(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith BE()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept B as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.h_(g,{b:d[b]})\n'
    '\telse:i=DK(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def DQ(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class J:\n'
    '\tstatus:0;problems:0=();notes:0=();z_:0=False;ar_:0=False\n'
    '\t@property\n'
    "\tdef s_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def BO(a,b,c=None):\n'
    '\tc=c or P()\n'
    '\twith BA()as d,c.an_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.d_('rehearse'):f=DU(a,b,e)\n"
    "\t\twith c.d_('keep'):g=f.e_.result()\n"
    "\t\th,i=f.g_,f.g_.backend;c.notes+=f.notes;c.status.update(BV(h,a,f.texts));c.status['skipped_families']=list(f.aq_);c.write();j=U(af_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.d_('load'):l=BN(f,g,b,d)\n"
    "\t\t\twith c.d_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.j_))\n'
    '\t\t\t\tif(n:=i.h_(m,f.u_.result())):raise EI(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    '\t\t\tFB(a.source,b,j)\n'
    "\t\t\twith c.d_('save'):o,p=i.au_(f.texts,h.a_.c_,b.f_);c.notes+=p;q=DW(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.d_('enable'):BR(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.d_('roll back'):s=DN(c,h,g,j,k,d)\n"
    '\t\t\traise c.ab_(r,s)from r.__cause__\n'
    "\t\twith c.d_('disable others'):j.ac_();c.notes+=i.am_(g,b.f_)if l else[];t=DM(f,b,c.notes,d);c.notes+=BP(h,b,c.r_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return J(c.status,z_=not t)\n"
    "def BN(a,b,c,d):e,f=a.g_.backend,a.g_.a_.c_;g=all((N(f[h])or'').startswith(i)for(h,i)in a.j_.items());j,k=e.y_(a.j_,b,a.u_.result,g,c.f_);e.load(j,k,[d]);return any(j.values())\n"
    'def DN(a,b,c,d,e,f):\n'
    '\tg=[];FD(d)\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):DE(h)\n'
    '\ttry:d.at_();a.notes+=BS([i for(i,j)in d.e_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {D(k)}")\n'
    '\ttry:\n'
    '\t\tif not BM(b,c):b.backend.ao_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not BM(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def BM(a,b):\n'
    '\ttry:return a.backend.ap_(a.backend.dump(tuple(b)),b)\n'
    '\texcept B:return False\n'
    'def DM(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.f_:\n'
    '\t\tif(g:=EV(f,a.g_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.f_:\n'
    '\t\ttry:BN(a,a.g_.backend.dump(tuple(a.j_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.f_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    'def DH(a):return tuple(AL(b,a)for b in Z)\n'
    "AA=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def EE(a,b,c=(),d=P):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tCS()\n'
    '\t\tif not any(f.good for f in a.l_):\n'
    '\t\t\tg=CB(a.l_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,f_=BC())\n'
    "\t\twith e.d_('parse'):f=a.al_()\n"
    '\t\treturn BO(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=CC(a.l_,b,h,e,d)\n'
    '\t\texcept Exception as j:return J({},[f"{D(j)}; and before it: {D(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,S)and not any(l.aj_ for l in h.problems);m=k and bool(i['services'])and not BC();return J(i,AQ(h),e.notes,m,isinstance(h,Q))\n"
    'def CC(a,b,c,d,e=P):\n'
    "\tf,g=CB(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':AQ(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tBX(i)\n'
    "\tif'open'not in i:raise EK('nothing could close this host')\n"
    '\treturn i\n'
    'def CB(a,b,c):\n'
    '\tfor(d,e)in DY(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def DY(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(EC,f,b,c))\n'
    '\t\tyield(d,partial(CA,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(CA,d,b,c,whole=False))\n'
    "def EC(a,b,c):return BO(a,b,c('first boot',())).status\n"
    'def CA(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(Z[f.backend].families)):\n'
    '\t\twith contextlib.suppress(B):return DZ(a,e,b,c,d)\n'
    '\traise B\n'
    'def DZ(a,b,c,d,e):\n'
    '\tf,g=AL(b.backend,c),b.texts;h=[];i=BV(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept B as l:\n'
    '\t\t\tif e and(j!=6 or c.p_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise B('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),BA()as m:h+=BP(f,c)\n'
    '\ttry:BT(f,g,a.fallback,U(),h);BR(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {D(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def ED(a,b,c,d=(),e=lambda:None,f=P):\n'
    '\tdef g():\n'
    '\t\to=a();p=EE(b(o),o,d,f)\n'
    '\t\tif not p.problems:\n'
    "\t\t\tfor q in p.status['notes']:AA.info('%s',q)\n"
    "\t\t\tAA.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(p)\n'
    '\tdef j():\n'
    '\t\ttry:return J(**CD(g))\n'
    '\t\texcept BZ as o:p=o\n'
    "\t\tdef q():r,s=a(),P('cloud-init',d);return asdict(J(CC(b(r).l_,r,p,s),[str(p)],s.notes))\n"
    '\t\treturn J(**CD(q))\n'
    '\ti,k,h=j(),N(BH),a();l=DH(h)\n'
    '\tfor m in(*l,*(n for n in DH(h)if n not in l)):\n'
    '\t\tif EB(m,l,i):d=[*i.notes,EA(m,c,i,k)];i=j()\n'
    '\tif i.z_:e()\n'
    '\tif not i.status:raise A(i.problems[0])\n'
    '\treturn[*i.problems]\n'
    'class BZ(A):0\n'
    'def CD(a):\n'
    '\tb,c=os.pipe();d=os.fork()\n'
    '\tif d==0:\n'
    '\t\ttry:\n'
    '\t\t\tos.close(b)\n'
    '\t\t\ttry:e=[True,a()]\n'
    '\t\t\texcept BaseException as f:e=[False,D(f)]\n'
    "\t\t\twith open(c,'w',encoding='utf-8')as g:json.dump(e,g)\n"
    '\t\tfinally:os._exit(0)\n'
    '\tos.close(c)\n'
    "\twith open(b,encoding='utf-8')as h:i=h.read()\n"
    '\tj=os.waitpid(d,0)[1]\n'
    '\tif os.WIFSIGNALED(j)or not i:raise BZ(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def EF():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def AO(a):\n'
    '\twith contextlib.suppress(R):return bool(a.n_())\n'
    '\treturn False\n'
    'def EB(a,b,c):\n'
    '\tif not c.problems or AO(a):return False\n'
    '\tif c.s_:return a in b and(c.ar_ or not any(map(AO,b)))\n'
    '\treturn True\n'
    'def EA(a,b,c,d):\n'
    '\te,f=a.a_.ai_,BI()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:AA.info('%s could not be installed: %s',e,g)\n"
    '\t\tif AO(a):h=f"unprotected for up to {EF()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.s_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):AF({BH:f},U(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def DG(a):\n'
    '\tfor b in EP():\n'
    "\t\tif any(FQ(c,b)for c in a.get('trusted',())):return b\n"
    "\treturn''\n"
    "CE=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AB='vps_firewall'\n"
    'public=BW\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend','auto'));return ED(CG,lambda g:EG(e,d),b,(),c)\n"
    'def CG():return EO(frozenset())\n'
    'def EG(a,b):\n'
    "\tc=CF();d,e,f=(g for g in map(DJ,c['plans']));h=d.source['section'];i=[replace(d,name='the last good policy')]if EW()==h else[];i+=[e]if all(a.get(j)==h.get(j)for j in('ssh','lists'))else[];k=c['default_port']and[*b]!=['22']\n"
    '\tdef l():\n'
    '\t\tif k:m=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise S([AP(f"{AB}.ssh",m)])\n'
    "\t\tif a!=h:raise S([AP(AB,'is not what this bundle was made of; make it again')])\n"
    '\t\tif DG(d.source):m=f"{DG(d.source)} has the default route here, and is trusted; name networks";raise S([AP(f"{AB}.allow",m)])\n'
    '\t\treturn d\n'
    '\treturn FN([]if k else[*i,f],l)\n'
    'def CF():\n'
    "\twith open(CE,encoding='utf-8')as a:return json.load(a,strict=False)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(L(AN()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=G(AH)\n'
    "\t\tfor b in map(DJ,CF()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=DR(b,str(a.get('backend')),CG());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {D(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
