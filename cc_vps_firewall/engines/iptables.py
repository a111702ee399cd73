"""The engine called iptables -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "e58d3ba3b90731378e0a73e3b0586920109c9b3916ebee361d832e4800816d21"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,socket,struct,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class BI:\n'
    '\tpath:0;ai_:0;al_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.ai_}"\n'
    'class A(Exception):exit_code=1\n'
    'class AF(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class AE(A):exit_code=3\n'
    'class AD(A):exit_code=4\n'
    'class FW(A):exit_code=5\n'
    'class FV(A):exit_code=6\n'
    'class FU(A):0\n'
    'class C(AD):0\n'
    'class FX(A):0\n'
    'def I(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def BJ(a):return[str(b)for b in a.problems]if isinstance(a,AF)else[I(a)]\n'
    'class HR:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'E=HR()\n'
    "BP='/run/vps-firewall.lock'\n"
    "BR='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'BQ=60\n'
    '@dataclass\n'
    'class AH:\n'
    '\tg_:0=field(default_factory=dict);ah_:0=False\n'
    '\tdef av_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.g_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(D(c).j_):os.rename(D(c).j_,D(c).c_);Q(c)\n'
    '\t\t\t\telse:GJ(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ae_(a):\n'
    '\t\tfor b in a.g_:Q(b)\n'
    'def X(a,b,mode=384):return BU({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def BU(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tQ(d);g,h=e.encode('utf-8','surrogateescape'),BS(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;DP(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.ah_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(D(d).c_,D(d).j_)\n'
    '\t\tfor(d,h)in c.items():os.rename(D(d).n_,D(d).c_);b.g_.setdefault(d,h)\n'
    '\t\tDQ(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.g_:Q(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def GJ(a,b,mode):Q(a);DP(a,b,mode);os.rename(D(a).n_,D(a).c_);DQ([a])\n'
    'def DS():os.sync()\n'
    'def GH(a,b):\n'
    '\twith open(a,\'r+\',encoding=\'ascii\')as c:c.write(f"{b}\\n")\n'
    'def Q(a):\n'
    '\tfor b in(D(a).n_,D(a).j_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class GE:c_:0;n_:0;j_:0\n'
    'def D(a):b=os.path.realpath(a);c,d=os.path.split(b);return GE(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def DP(a,b,mode):\n'
    '\tc=D(a);d=os.path.dirname(c.c_)\n'
    '\ttry:\n'
    '\t\tDO(d)\n'
    "\t\tif os.path.exists(c.c_)and not os.path.isfile(c.c_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.n_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);DN(f.fileno(),d,c.c_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:Q(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def DN(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def DO(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);DO(b);os.mkdir(a);os.chmod(a,493);DN(a,b,b)\n'
    'def DQ(a):\n'
    '\tfor b in{os.path.dirname(D(c).c_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def BS(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    'def GF(a,b):\n'
    '\tQ(a)\n'
    '\tif(c:=BS(a))is not None:b.g_.setdefault(a,c);os.unlink(a)\n'
    'def GG(a,b):\n'
    '\tc=[]\n'
    '\tfor d in a:\n'
    '\t\tif os.path.lexists(E/d):c.append(f"removed {d.lstrip(\'/\')}")\n'
    '\t\tGF(E/d,b)\n'
    '\treturn c\n'
    "def J(a,b='replace'):c=BS(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def N(a):\n'
    '\ttry:\n'
    "\t\twith open(E/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def R(a):\n'
    '\ttry:return sorted(os.listdir(E/a))\n'
    '\texcept OSError:return[]\n'
    'def GI(text,a):\n'
    '\tb=f\'include "{a}"\'\n'
    '\tif text is None:return f"""#!/usr/sbin/nft -f\n'
    '\n'
    'flush ruleset\n'
    '\n'
    '{b}\n'
    '"""\n'
    '\tif b in text.splitlines():return text\n'
    '\treturn f"{text if text.endswith(chr(10))or not text else text+chr(10)}{b}\\n"\n'
    "def P(a):return json.dumps(a,indent=1,sort_keys=True)+'\\n'\n"
    'def DR(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def S(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def BT():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(BP),exist_ok=True);a=os.open(BP,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+BQ\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {BQ} s; nothing was changed";raise FU(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "DV='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'BZ=threading.local()\n'
    "def DY():a=[*DV,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def CA(a):return shutil.which(a,path=DY())or''\n"
    "def L(*a,text='',pass_fds=(),limit=0):return DW(DZ(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def DZ(*a,text='',pass_fds=()):\n"
    '\tif not text:return BY(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith BX(text)as b:return BY(a,b,pass_fds)\n'
    'def DW(a,b,c=0,limit=0):\n'
    '\td,e,f=GP(a,b,c,limit)\n'
    '\tif d:raise C(GQ(b,d,f))\n'
    '\treturn e\n'
    'def GQ(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def GP(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise C(f"{b} gave no answer in {d:.0f} s")from None\n'
    '\t\traise\n'
    "\treturn a.returncode,e.decode('utf-8','replace'),f.decode('utf-8','replace')\n"
    '@contextmanager\n'
    'def BX(text):\n'
    '\timport fcntl;a=text.encode();b,c=os.pipe()\n'
    '\ttry:fcntl.fcntl(c,1031,len(a)or 1)\n'
    "\texcept OSError:os.close(b);os.close(c);b=os.memfd_create('vps-firewall',os.MFD_CLOEXEC);c=os.dup(b)\n"
    '\ttry:\n'
    "\t\twith open(c,'wb')as d:d.write(a)\n"
    '\t\twith contextlib.suppress(OSError):os.lseek(b,0,os.SEEK_SET)\n'
    '\t\tyield b\n'
    '\tfinally:os.close(b)\n'
    'def BY(a,b,pass_fds):\n'
    '\tc=a[0]if os.path.isabs(a[0])else CA(a[0])\n'
    '\tif not c:raise C(f"{a[0]} is not installed")\n'
    "\td={'PATH':DY(),'LC_ALL':'C'}\n"
    "\tif getattr(BZ,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise C(f"{a[0]}: {e.strerror}")from None\n'
    'def GR(a,pass_fds):\n'
    '\timport fcntl\n'
    '\twith contextlib.ExitStack()as b:c=b.enter_context(BX(\'\'));fcntl.flock(c,fcntl.LOCK_EX);d=\'flock\',\'--shared\',\'--timeout\',str(10),f"/proc/self/fd/{c}";e=[BY([*d,CA(f[0])or f[0],*f[1:]],b.enter_context(BX(g)),[c,*pass_fds])for(f,g)in a];fcntl.flock(c,fcntl.LOCK_UN)\n'
    '\tDX((h,f[0],len(g))for(h,(f,g))in zip(e,a))\n'
    'def DX(a):\n'
    '\tb,c=[],[]\n'
    '\tfor(d,e,f)in a:\n'
    '\t\ttry:b.append(DW(d,e,f))\n'
    '\t\texcept C as g:c.append(str(g))\n'
    "\tif c:raise C('; '.join(c))\n"
    '\treturn b\n'
    '@contextmanager\n'
    'def AU():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(GO).result();yield a\n"
    'def GO():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise AE(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tBZ.alone=True\n'
    "EO='docker*','br-*','podman*','cni*','lxdbr*','incusbr*','lxcbr*','virbr*'\n"
    "EP='br-ex','br-lan','br-wan'\n"
    'def HQ(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "def CK(a):return a.startswith(tuple(b.rstrip('*')for b in EO))\n"
    "W='vps-firewall.service'\n"
    "DL='/etc/vps-firewall'\n"
    "DK={0:'nft',4:'v4',6:'v6'}\n"
    "AR='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class AG:e_:0;d_:0=(W,);ak_:0='';q_:0='';fallback:0='';y_:0='';x_:0=False;am_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class BL:\n'
    '\tname:0;af_:0=frozenset();s_:0=field(default_factory=dict)\n'
    '\tdef ag_(a,b,c):d={e:f"{DL}/rules.{DK[e]}"for e in c};return a.s_.get(b)or AG(d,ak_=b)\n'
    "BO='/etc/nftables/vps-firewall.nft'\n"
    "AQ=BL('other')\n"
    "DM=BL('redhat',frozenset({'rhel','fedora','centos'}),s_={'iptables':AG({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',y_=AR+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':AG({0:BO},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',y_=AR)})\n"
    'DJ=BL(\'debian\',frozenset({\'debian\',\'ubuntu\'}),s_={\'iptables\':AG({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',am_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':AG({0:BO},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',y_=AR,x_=True)})\n'
    'BK={each.name:each for each in(DM,DJ,AQ)}\n'
    'BM=tuple(place for each in BK.values()for place in each.s_.values())\n'
    'BN=frozenset(unit for place in BM for unit in place.d_)|{W}\n'
    "DU='cloud-init-local.service'\n"
    "CJ='/etc/systemd/system'\n"
    'def EJ(a):b=os.path.realpath(E/os.devnull);return any(os.path.realpath(E/f"{c}/{a}")==b for c in BR)\n'
    'def AA(a):return not EJ(a)and any(a in R(f"etc/systemd/system/{b}")for b in R(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def HK(a,b,c,d):\n'
    '\tif c:return{f"{CJ}/{W}":HH(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+EG;return{HF(f):e+b.y_.replace('UNIT',f.partition('.')[0])for f in b.d_}\n"
    'def HF(a):return f"{CJ}/{a}.d/vps-firewall.conf"\n'
    'EG=f"[Unit]\\nBefore={DU}\\n"\n'
    'def HH(a,b,c):d=a.z_(b.e_,c);e=\'\'.join(f"After={f}\\n"for f in b.d_ if b.x_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def EH():return[]\n'
    "def HG(a):L('systemctl',*EH(),'enable',a)\n"
    "def HE(a):L('systemctl','disable',a,'--no-reload');L('systemctl','mask',a,'--no-reload')\n"
    'def HJ(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):L('systemctl','stop',a)\n"
    "def EI(a):L('systemctl',*EH(),'disable',a)\n"
    'def HI():\n'
    "\tif os.path.isdir('/run/systemd/system'):L('systemctl','daemon-reload')\n"
    "AT='/etc/ufw/ufw.conf'\n"
    "AI={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    "DT={'firewalld':'FWD','ufw':'ufw'}\n"
    'def BW():return tuple(a for a in AI if GL(a))\n'
    'def GL(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',N(AT)))\n'
    '\treturn AA(AI[a])\n'
    'def BV(a):return tuple(DT[b]for b in a)\n'
    'def GM(a,b):\n'
    '\tc=AI[a];d=[lambda:HE(c),lambda:HJ(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:GK(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(I(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def GK(a):\n'
    "\tb=J(AT,'surrogateescape')or'';X({AT:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},AH(),mode=None)\n"
    "\tif not a.shares_tables:L('ufw','--force','disable')\n"
    "T='/var/lib/vps-firewall'\n"
    'CC=f"{T}/status-private.json"\n'
    'CB=f"{T}/status.json"\n'
    'AV=f"{T}/policy.json"\n'
    'AW=f"{T}/services.json"\n'
    'CD=f"{T}/tools"\n'
    "def CE():a=(J('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    "def GS():return frozenset(DR(S(AW),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class FY:v_:0=AQ;major:0=0;d_:0=frozenset();aj_:0=frozenset();h_:0=();r_:0=True\n'
    "def GB(a):b=GA();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return FY(v_=next((d for d in BK.values()if d.af_&c),AQ),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),d_=frozenset(e for e in BN if FZ(e)),aj_=frozenset(e for e in BN if AA(e))-a,h_=BW(),r_=os.path.exists(E/'proc/net/if_inet6'))\n"
    'def FZ(a):b=any(a in R(c)for c in BR);d=[e for f in BM if a in f.d_ for e in f.am_];return b and all(os.path.exists(E/e)for e in d)and not EJ(a)\n'
    'def GC():return tuple(a for(b,a)in socket.if_nameindex())\n'
    'def GD():return tuple(dict.fromkeys(a for(b,a)in AS()))\n'
    "def AS():a=[b.split()for b in N('proc/net/route').splitlines()];c=[(4,d[0])for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in N('proc/net/ipv6_route').splitlines()];c+=[(6,d[-1])for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e[1]!='lo'))\n"
    'def GA():a=N(\'etc/os-release\')or N(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    "AJ={4:'net/ipv4/ip_forward',6:'net/ipv6/conf/all/forwarding'}\n"
    "Y='/etc/sysctl.d/99-vps-firewall.conf'\n"
    'U=f"{T}/forwarding.json"\n'
    "CF='# Made by vps-firewall, for what its policy forwards. Changes here are lost.\\n'\n"
    "AY='/etc/network/interfaces'\n"
    "AK,AX='/etc/systemd/network','vps-firewall-forwarding.conf'\n"
    'EC,EA=35091,1\n'
    'CG=5.\n'
    "EB='lo','veth','vnet','tap'\n"
    "def EF(a,b):c=a.get('forward');return tuple(d for d in c if d==4 or b.r_)if isinstance(c,(list,tuple))else()\n"
    'def HA(a,b,c,d):\n'
    '\te=ED();f=EF(a,b);g=GY(f,e);g+=GW(e,g,d.notes)\n'
    '\tif g or e or J(Y)is not None:\n'
    "\t\twith d.f_('forward'):GZ(g,e,c)\n"
    '\t\tif 6 in f:d.notes+=GV()\n'
    'def GZ(a,b,c):\n'
    '\td=[e for e in a if BA(e)!=AZ(e)];f={e:b.get(e)or BA(e)for e in a if e in b or e in d};g=AS()\n'
    '\tif a:\n'
    '\t\tX({U:P({**b,**f})},c)\n'
    '\t\tif AJ[6]in a:X(dict.fromkeys(GX(),f"{CF}[Network]\\nIPv6AcceptRA=yes\\n"),c,420)\n'
    '\tfor e in sorted(d,key=Z):CI(e,AZ(e))\n'
    '\tfor e in sorted(b.keys()-f.keys(),key=Z,reverse=True):CI(e,b[e])\n'
    '\tif any(map(Z,d))and g:\n'
    '\t\ttime.sleep(CG);h=AS()\n'
    '\t\tif(i:=dict.fromkeys(j[1]for j in g if j not in h)):raise A(f"the default route by {\' and \'.join(i)} was gone {CG:.0f} s after forwarding was switched on; a static route, or accept_ra=2 in what configures that interface, would stay")\n'
    '\tif a:X({U:P(f)},c);X({Y:CF+\'\'.join(f"{e} = {AZ(e)}\\n"for e in a)},c,420)\n'
    '\telse:GG([U,Y,*GU()],c)\n'
    'def HD(a):\n'
    '\tif U not in a.g_:return\n'
    '\tb=a.g_[U];c,d=EE(json.loads(b[0])if b else{}),ED();e=[(f,d[f])for f in sorted(d.keys()-c.keys(),key=Z,reverse=True)]\n'
    '\tfor(f,g)in[*e,*((f,AZ(f))for f in sorted(c,key=Z))]:\n'
    '\t\twith contextlib.suppress(A):CI(f,g)\n'
    'def HB(a,b,c):\n'
    "\td=J(Y)or''\n"
    '\tfor e in(AJ[f]for f in EF(a,b)):c+=[f"+kernel {CH(e)} = 1"]if BA(e)!=\'1\'else[];c+=[f"+{Y} {CH(e)} = 1"]if f"{e} = 1\\n"not in d else[]\n'
    'def GY(a,b):return[*(GT(b)if 6 in a else[]),*(AJ[c]for c in a)]\n'
    'def GT(a):\n'
    '\tb=[]\n'
    "\tfor c in sorted(R('proc/sys/net/ipv6/conf')):\n"
    '\t\td=f"net/ipv6/conf/{c}/accept_ra"\n'
    "\t\tif c=='all'or c.startswith(EB)or CK(c):continue\n"
    "\t\tif d in a or BA(d)=='1':b.append(d)\n"
    '\treturn b\n'
    'def GW(a,b,c):\n'
    '\td=[e for e in a if e not in b];f=[e for e in GC()if CK(e)and HC(e)]if d else[]\n'
    '\tif not f:return[]\n'
    '\tc.append(f"forwarding stays on, which an earlier policy switched on: {\' and \'.join(f)} may need it");return d\n'
    'def HC(a):\n'
    '\timport fcntl\n'
    "\twith socket.socket(socket.AF_INET,socket.SOCK_DGRAM)as b,contextlib.suppress(OSError):c=fcntl.ioctl(b,EC,struct.pack('16s16x',a.encode()));return bool(struct.unpack_from('16xH',c)[0]&EA)\n"
    '\treturn False\n'
    'def Z(a):return a in AJ.values()\n'
    "def AZ(a):return'1'if Z(a)else'2'\n"
    "def CH(a):return a.replace('.','\\x00').replace('/','.').replace('\\x00','/')\n"
    'def ED():return EE(S(U))\n'
    'def EE(a):return{b:str(c)for(b,c)in a.items()}\n'
    'def GV():\n'
    '\ta=[];b=[f"{AY}.d/{c}"for c in R(f"{AY}.d")]\n'
    '\tfor d in(AY,*b):\n'
    "\t\te=N(d.lstrip('/'))\n"
    "\t\tfor(c,f,g)in re.findall('(?m)^\\\\s*iface (\\\\S+) inet6 (\\\\w+)((?:\\\\n(?!\\\\s*iface\\\\b).*)*)',e):\n"
    "\t\t\th=re.findall('(?m)^\\\\s*accept_ra\\\\s+(\\\\d)',g);i=h[-1]if h else{'dhcp':'1'}.get(f,'2')\n"
    '\t\t\tif f in(\'auto\',\'dhcp\')and i!=\'2\':j=f"{d} has ifupdown set accept_ra = {i} on {c} at each boot";a.append(f"{j}; write accept_ra 2 there, or this host loses what it learns from its router")\n'
    '\treturn a\n'
    'def GX():\n'
    '\tfor(a,b)in AS():\n'
    '\t\tc=N(f"run/systemd/netif/links/{socket.if_nametoindex(b)}")if a==6 else\'\'\n'
    '\t\tif(d:=re.search(\'(?m)^NETWORK_FILE=\\\\S*/([^/\\\\s]+\\\\.network)$\',c)):yield f"{AK}/{d[1]}.d/{AX}"\n'
    'def GU():a=[b for b in R(AK)if b.endswith(\'.network.d\')];return[f"{AK}/{b}/{AX}"for b in a if AX in R(f"{AK}/{b}")]\n'
    'def BA(a):return N(f"proc/sys/{a}").strip()\n'
    'def CI(a,b):\n'
    "\tc=os.path.join('/proc/sys',a)\n"
    '\ttry:GH(c,b)\n'
    '\texcept FileNotFoundError:return\n'
    '\texcept OSError as d:raise A(f"{c} cannot be written ({d.strerror}), as in a container; whoever runs it has to set {CH(a)} = {b}")from None\n'
    '@dataclass(frozen=True)\n'
    'class HM:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class HO:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class HN:m_:0;an_:0\n'
    "def EN(a):b=tuple(HM(c['backend'],EM(c['texts']))for c in a['candidates']);return HO(a['name'],b,EM(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def EM(a):return{int(b):c for(b,c)in a.items()}\n'
    "CL='vps-firewall'\n"
    "B='VPSFW-'\n"
    "EQ=B+'LIST-'\n"
    "F=B+'BANS'\n"
    "O={'mangle':('forward',),'filter':('input','forward','output')}\n"
    "G={'nat':('prerouting','postrouting'),'raw':('prerouting',)}\n"
    '@dataclass\n'
    'class K:a_:0=field(default_factory=dict);b_:0=field(default_factory=dict)\n'
    'def M(a):\n'
    '\tb={};c=K();d=c.b_\n'
    "\tfor e in a.split('\\n'):\n"
    "\t\tif e.startswith('-A '):\n"
    "\t\t\tf,g,h=e[3:].partition(' ')\n"
    '\t\t\tif f not in d:d[f]=[]\n'
    '\t\t\td[f].append(h.rstrip())\n'
    "\t\telif e.startswith('*'):c=b.setdefault(e[1:].strip(),K());d=c.b_\n"
    "\t\telif e.startswith(':'):i,j=e[1:].split()[:2];c.a_[i]=j;d[i]=[]\n"
    '\treturn b\n'
    'def EX(a):\n'
    '\tif f"\\n-A {F} "not in a:return a\n'
    '\treturn\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {F} ")or EU(b))\n'
    "def EU(a):return AL(a)=='ACCEPT'\n"
    'def IB(a):return a.count(f"\\n-A {F} ")if f"\\n:{F} "in a else None\n'
    'def BD(a):\n'
    '\tb={}\n'
    '\tfor c in f"\\n{a}".split(\'\\n*\')[1:]:\n'
    "\t\td,e,f=c.partition('\\n-A ');g,e,d=d.partition('\\n')\n"
    '\t\tif g in O or g in G and IC(f"\\n{c}"):b[g]=re.sub(\'\\\\[\\\\d+:\\\\d+\\\\]\',\'\',d),f[:f.rfind(\'\\nCOMMIT\')]\n'
    '\treturn b\n'
    'def H(a):return f\'--comment "{CL} \'in a or f"-j {B}"in a and AL(a).startswith(B)\n'
    'def IC(a):return f"\\n:{B}"in a or H(a)\n'
    'def EV(a,b,c=()):\n'
    '\td=AL(b)\n'
    "\tif CN(b)or a.a_.get(d)=='-'and not d.startswith((B,*c)):return True\n"
    "\te=re.findall('(?:^| )-[io] (\\\\S+)',BC(b));return any(CK(f)and f not in EP for f in e)\n"
    'def CN(a):return bool(ES.search(f" {BC(a)}"))\n'
    "ES=re.compile('(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\\\\b|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\\\\b')\n"
    "def AL(a):b=re.search('(?:^| )-[jg] (\\\\S+)',BC(a));return b[1]if b else''\n"
    'def BC(a):return re.sub(\'"(?:\\\\\\\\.|[^"\\\\\\\\])*"\',\'""\',a)\n'
    'def BE(a,b,c,d=()):\n'
    '\tif H(c)or a in G:return False\n'
    "\treturn AL(c)in('ACCEPT','RETURN')if a=='mangle'else not EV(b,c,d)\n"
    'def IF(a,b=()):return[*(f"filter {c[3:]}"for c in a.split(\'\\n\')if c.startswith(f"-A {F} ")and EU(c)),*(f"{d} {e.upper()} {f}"for(d,g)in CM(a).items()for e in O.get(d,())for f in g.b_.get(e.upper(),())if BE(d,g,f,b))]\n'
    'def CM(a):return M(\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {B}")))\n'
    "def IE(a):return bool(IB(a))or any(b.a_.get(c)=='-'and not c.startswith(B)or any(not H(d)for d in e)for(f,b)in CM(a).items()if f in O or f in G for(c,e)in b.b_.items())\n"
    "def EW(text):return all(ET.match(a)or H(a)for a in text.split('\\n'))\n"
    'ET=re.compile(rf"\\s*$|#|\\*|COMMIT\\b|:(?:{B}|\\w+ ACCEPT\\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {B}")\n'
    "def ID(a):return bool(re.search('--\\\\w+-set ',BC(a)))\n"
    'def HY(a,b,c=()):\n'
    '\ta=EX(a)\n'
    "\tif BD(a)==BD(b):return''\n"
    "\td,e=M(a),M(b);return''.join(HW(f,d.get(f,K()),HV(f,d,e),c)for f in(*O,*G))\n"
    'def HV(a,b,c):\n'
    '\td=c.get(a,K())\n'
    '\tif a not in G or a not in b:return d\n'
    "\te={f.upper():'ACCEPT'for f in G[a]};return K({**e,**d.a_},{**{f:[]for f in e},**d.b_})\n"
    'def HW(a,b,c,d):\n'
    '\te,f,g,h=[],[],[],[];i={}\n'
    '\tfor(j,k)in c.a_.items():\n'
    "\t\tif k=='-':\n"
    '\t\t\tif j==F and F in b.a_:f+=[f"-D {F} {l}\\n"for l in b.b_[F]]\n'
    '\t\t\telif j.startswith(B)and b.b_.get(j)!=c.b_[j]:\n'
    '\t\t\t\tm=[f"-A {j} {l}\\n"for l in c.b_[j]]\n'
    '\t\t\t\tif j.startswith(EQ):i[j]=m\n'
    '\t\t\t\telse:e.append(f":{j} - [0:0]\\n");g+=m\n'
    '\t\t\tcontinue\n'
    '\t\tn,o=b.b_.get(j,[]),[p for p in c.b_[j]if H(p)];q=[p for p in n if BE(a,b,p,d)];r=any(H(p)and any(map(CN,n[s:]))for(s,p)in enumerate(n))\n'
    '\t\tif a not in G and k!=b.a_.get(j,\'ACCEPT\'):e.append(f":{j} {k} [0:0]\\n")\n'
    '\t\tif q or r or[p for p in n if H(p)]!=o:f+=[f"-D {j} {p}\\n"for p in n if H(p)or p in q];g+=[f"-A {j} {p}\\n"for p in o]\n'
    '\tfor j in b.a_:\n'
    '\t\tif j.startswith(B)and j not in(*c.a_,F):i[j]=[];h.append(f"-X {j}\\n")\n'
    '\tfor j in sorted(i,reverse=True):f+=[f":{j} - [0:0]\\n",*i[j]]\n'
    '\tt=[*e,*f,*g,*h];return f"*{a}\\n{\'\'.join(t)}COMMIT\\n"if t else\'\'\n'
    'def HX(a,b):\n'
    '\ta=EX(a)\n'
    '\tif BD(a)==BD(b):return[]\n'
    '\tc,d=M(a),M(b);e=[]\n'
    '\tfor f in(*O,*G):\n'
    '\t\tg,h=c.get(f,K()),d.get(f,K())\n'
    '\t\tfor(i,j)in h.a_.items():\n'
    "\t\t\tk=g.a_.get(i,'ACCEPT')\n"
    '\t\t\tif j not in(\'-\',k)and f not in G:e+=[f"-{f} {i} policy {k}",f"+{f} {i} policy {j}"]\n'
    '\t\tfor i in dict.fromkeys([*h.a_,*g.a_]):\n'
    "\t\t\tif h.a_.get(i)=='-'or i.startswith(B):l=g.b_.get(i)\n"
    '\t\t\telif i not in h.a_:continue\n'
    '\t\t\telse:l=[m for m in g.b_.get(i,[])if H(m)or BE(f,g,m)]\n'
    '\t\t\tif l!=h.b_.get(i):e+=HT(f"{f} {i}",l,h.b_.get(i))\n'
    '\treturn e\n'
    'def HT(a,b,c):d,e=set(b or()),set(c or());f=[g for g in c or()if g not in d];h=[g for g in b or()if g not in e];i=[f"-{a} {g}"for g in h]+[f"+{a} {g}"for g in f];return i or[f"+{a} (its rules in another order)"if b is not None else f"+{a} (chain)"]\n'
    'def HZ(a,b):\n'
    '\tc,d=M(a),M(b);e=[]\n'
    '\tfor(f,g)in{**O,**G}.items():\n'
    '\t\tif f in G and not(ER(f,c)or ER(f,d)):continue\n'
    '\t\th,i=c.get(f,K()),d.get(f,K());j={k for k in h.a_ if b and k not in i.a_ and not k.startswith(B)}\n'
    '\t\tfor(l,m)in i.b_.items():\n'
    "\t\t\tif i.a_.get(l)!='-':n=[o for o in h.b_.get(l,[])if H(o)or o in m or not(AL(o)in j or CN(o))];h.b_[l]=[o for o in m if not H(o)and EV(i,o)and o not in n]+n\n"
    "\t\t\telif not l.startswith(B)or l==F and F in h.a_:h.a_[l],h.b_[l]='-',m\n"
    '\t\tfor l in j:h.a_.pop(l),h.b_.pop(l)\n'
    '\t\tp={q.upper():\'ACCEPT\'for q in g}|h.a_;e.append(f"*{f}\\n");e+=[f":{l} {r} [0:0]\\n"for(l,r)in p.items()];e+=[f"-A {l} {s}\\n"for(l,m)in h.b_.items()for s in m];e.append(\'COMMIT\\n\')\n'
    "\treturn''.join(e)\n"
    'def ER(a,b):c=b.get(a,K());return any(d.startswith(B)or any(map(H,e))for(d,e)in c.b_.items())\n'
    'def IA(text,a,b=()):\n'
    '\tfor(c,d)in HU(a,b).items():e,f,g=text.partition(f"*{c}\\n");h,i,j=g.partition(\'-A \');text=f"{e}*{c}\\n{h}{\'\'.join(d)}{i}{j}";text+=\'\'if f else\'COMMIT\\n\'\n'
    '\treturn text\n'
    'def HU(a,b=()):\n'
    '\tc={}\n'
    '\tfor(d,e)in sorted(CM(a).items()):\n'
    '\t\tf=[g.upper()for g in{**O,**G}.get(d,())];h=[i for i in e.b_ if not i.startswith((B,*b))];j=[f"-A {i} {k}\\n"for i in h for k in e.b_[i]if not(H(k)or i in f and BE(d,e,k,b))]\n'
    '\t\tif j:l=[i for i in h if i in e.a_ and i not in f];c[d]=[f":{i} {e.a_[i]} [0:0]\\n"for i in l]+j\n'
    '\treturn c\n'
    'DA=60\n'
    "AM={4:'iptables-restore',6:'ip6tables-restore'}\n"
    "AC={4:'iptables-save',6:'ip6tables-save'}\n"
    'class FK:\n'
    "\tname='iptables';families=4,6;shares_tables=True;o_=*AM.values(),*AC.values(),'flock'\n"
    '\tdef z_(a,b,c):return[f"{c[d]} -w {DA} {b[e]}"for(e,d)in AM.items()]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\td=[([AM[e],*(['--noflush']if e in c else[]),'-w',str(10)],f)for(e,f)in b.items()if f]\n"
    '\t\tif len(d)>1:GR(d,pass_fds)\n'
    '\t\telse:\n'
    '\t\t\tfor(g,f)in d:L(*g,text=f,pass_fds=pass_fds)\n'
    '\tdef dump(a,b):\n'
    '\t\tc=[(DZ(AC[d]),AC[d],0)for d in b];e=dict(zip(b,DX(c)))\n'
    '\t\tfor(d,f)in e.items():\n'
    '\t\t\tg=f.splitlines()\n'
    '\t\t\tif f.strip()and(\'*\'not in f or not all(h[:1]in\'#*:-C[\'for h in g if h)):raise C(f"{AC[d]} printed something that is not a dump")\n'
    '\t\treturn e\n'
    '\tdef aq_(a,b,pass_fds=()):\n'
    '\t\tc={}\n'
    '\t\twith contextlib.suppress(C):c=a.dump(tuple(b))\n'
    "\t\ta.load({d:HZ(e,c.get(d,''))for(d,e)in b.items()},(),pass_fds)\n"
    '\tdef aa_(a,b,c,d,e,h_):\n'
    '\t\tf,g=dict(b),[];h=d()\n'
    '\t\tfor(i,j)in c.items():\n'
    '\t\t\tk=len(j)+len(f[i])<200000 or IE(j)\n'
    "\t\t\tif'-A 'in j and(k or e):\n"
    '\t\t\t\tl=HY(j,h[i],BV(h_))\n'
    '\t\t\t\tif k or not l:f[i]=l\n'
    '\t\t\tif k:g.append(i)\n'
    '\t\treturn f,g\n'
    '\tdef p_(a,b,c):return[f"{d[0]}IPv{e} {d[1:]}"for(e,f)in c.items()for d in HX(b.get(e,\'\'),f)]\n'
    '\tdef ar_(a,b,c):return all(M(b[d])==M(e)for(d,e)in c.items())\n'
    '\tdef ao_(a,b,h_):c=[f"IPv{d} {e}"for(d,f)in b.items()for e in IF(f,BV(h_))];g=[re.sub(\'( -[sd]|-range) \\\\S+\',\'\\\\1 ...\',e)for e in c[:6]];h=[f"and {len(c)-len(g)} more"]if len(c)>len(g)else[];return[f"rules of others that were taken out: {\'; \'.join(g+h)}"]if c else[]\n'
    '\tdef aw_(a,b,c,h_):\n'
    '\t\td,e=dict(b),[]\n'
    '\t\tfor(f,g)in c.items():\n'
    "\t\t\th=(J(g)or'').split('\\n');i=[j for j in h if not ID(j)]\n"
    "\t\t\tif EW('\\n'.join(i)):continue\n"
    '\t\t\ttry:\n'
    "\t\t\t\twith AU()as k:k.submit(a.load,{f:'\\n'.join(i)}).result();l=k.submit(a.dump,(f,)).result()[f];m=IA(b[f],l,BV(h_));k.submit(a.load,{f:m}).result()\n"
    '\t\t\t\td[f]=m\n'
    '\t\t\t\tif len(i)<len(h):e.append(f"{g}: rules that name a set were left out: at boot it is not there")\n'
    '\t\t\texcept A as n:e.append(f"{g} could not be loaded, and nothing in it was kept: {n}")\n'
    '\t\treturn d,e\n'
    'AN={each.name:each for each in(FK(),)}\n'
    'def HL(a):return CA(a)\n'
    '@dataclass(frozen=True)\n'
    'class HP:\n'
    '\tbackend:0;c_:0;l_:0=False\n'
    '\t@property\n'
    '\tdef d_(a):return(W,)if a.l_ else a.c_.d_\n'
    '\tdef o_(a,b=E):\n'
    '\t\tc={d:HL(d)for d in a.backend.o_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise AE(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def BB(a,b):c=AN[a];d=b.v_.ag_(a,c.families);e=b.d_&b.aj_ if d.x_ else b.d_;return HP(c,d,W in d.d_ or not e.issuperset(d.d_))\n'
    'def HS(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "def GN():a,b=S(AV),CE();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def FA(a,b):\n'
    '\tc={}\n'
    '\tfor(d,(e,f))in a.items():\n'
    "\t\tg=J(d,'surrogateescape')\n"
    '\t\tif f is None or g is None or not FB(g):continue\n'
    "\t\th=d+'.before-vps-firewall'\n"
    "\t\twhile J(h,'surrogateescape')not in(None,g):h+='~'\n"
    '\t\tc[h]=g,384;b.append(f"{d} was not ours: what stood there is in {h}")\n'
    '\treturn c\n'
    'def FB(text):return CL not in text and not EW(text)\n'
    "def FJ(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':CE()if c.good else''};h={*GS(),*(i for i in a.d_ if not AA(i))};j={*DR(S(AW),'disabled'),*(AI[k]for k in d.h_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AV:(P(g),384),AW:(P(l),384)};return CV(a,b,c.fallback,e,f,also=m)\n"
    'def CV(a,b,fallback,c,d,also=None):\n'
    '\te=a.c_;f=HK(a.backend,e,a.l_,a.o_(E));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.e_.items()}\n'
    '\tif not a.l_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.e_.items()})\n'
    "\tif not a.l_ and e.q_:l=J(E/e.q_,'surrogateescape');j[e.q_]=GI(l,e.e_[0]),None\n"
    '\tm=FA({**j,**g},d);n={**m,**j,**g,**(also or{})};o=BU({E/h:p for(h,p)in n.items()},c);d+=CU(o)\n'
    '\tif any(h in o for h in g):HI()\n'
    '\treturn o\n'
    'def FI(a,b):c=[d for d in b.v_.s_.values()if d.e_!=a.c_.e_];e=[f for d in c for f in d.d_];return[f for f in e if f not in a.d_ and AA(f)]\n'
    'def CT(a,b):\n'
    '\tfor c in a.d_:\n'
    '\t\tif not AA(c):b.append(c);HG(c)\n'
    '\tif b:DS()\n'
    'def CU(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):L('restorecon',*a,limit=3.)\n"
    '\texcept C as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def CR(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in FI(a,b):EI(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {I(f)}")\n'
    '\treturn d\n'
    "CW='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def BG():return S(CC)or S(CB)\n'
    'def CZ(a):\n'
    '\tb={c:CY(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',P({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):BU({CC:(P(a),384),CB:(d,420)},AH())\n'
    "def CY(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def CX(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.c_.e_.values()),'services':list(a.d_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class AB:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.t_=BG();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
    '\t@contextlib.contextmanager\n'
    '\tdef f_(a,b):\n'
    '\t\tc=time.monotonic()\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException:a.failed_in=a.failed_in or b;raise\n'
    '\t\tfinally:a.steps[b]=round(time.monotonic()-c,4)\n'
    '\t@contextlib.contextmanager\n'
    '\tdef ap_(a):\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException as b:a.ac_(b);raise\n'
    '\t\tfinally:a.write()\n'
    "\tdef ac_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':BJ(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.t_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in CW if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];CZ(a.status)\n"
    '\tdef ad_(a,b,c):\n'
    '\t\tif c:return A(f"{I(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,AD)and a.failed_in==\'load\':return AD(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return FW(f"{I(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class FF:i_:0;texts:0;k_:0;at_:0;w_:0;g_:0;notes:0\n'
    'def FH(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in FG(a,b):\n'
    '\t\tj=BB(g,b);k=j.backend\n'
    "\t\ttry:j.o_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(AU());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(CS,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return FF(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(dict.fromkeys(map(str,e)))\n"
    '\tif all(isinstance(t,AE)for t in e):raise AE(s)\n'
    '\traise AD(f"{s}; nothing was changed")\n'
    'def FG(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.r_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def CS(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(BF)-c[f].count(BF))for(f,e)in b.items())):raise C(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'BF=\'comment "\'\n'
    'def FE(a,b,c):\n'
    "\td=BB(b,c);e,f=d.backend,[g.texts for g in a.candidates if g.backend==b];h=BG().get('skipped_families',());i=[]\n"
    '\twith BT(),AU()as j:\n'
    '\t\tfor k in f:\n'
    '\t\t\tl={m:n for(m,n)in k.items()if m not in h}\n'
    '\t\t\ttry:j.submit(e.load,l).result();break\n'
    '\t\t\texcept C as o:p=o\n'
    '\t\telse:raise p\n'
    '\t\tq=j.submit(CS,e,l).result()\n'
    '\t\tfor(m,r)in d.c_.e_.items():i+=FC(e,m,r,k[m],q)\n'
    '\t\ts=[t for t in d.d_ if not AA(t)];i+=[f"+{t} enabled: nothing loads the rules at boot"for t in s];i+=FD(e.p_(e.dump(tuple(l)),q))\n'
    '\tHB(a.source,c,i);return i\n'
    'def FC(a,b,c,text,d):\n'
    '\te=J(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith AU()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept C as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.p_(g,{b:d[b]})\n'
    '\telse:i=HS(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def FD(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class V:\n'
    '\tstatus:0;problems:0=();notes:0=();ab_:0=False;au_:0=False\n'
    '\t@property\n'
    "\tdef u_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def CQ(a,b,c=None):\n'
    '\tc=c or AB()\n'
    '\twith BT()as d,c.ap_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.f_('rehearse'):f=FH(a,b,e)\n"
    "\t\twith c.f_('keep'):g=f.g_.result()\n"
    "\t\th,i=f.i_,f.i_.backend;c.notes+=f.notes;c.status.update(CX(h,a,f.texts));c.status['skipped_families']=list(f.at_);c.write();j=AH(ah_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.f_('load'):l=CP(f,g,b,d)\n"
    "\t\t\twith c.f_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.k_))\n'
    '\t\t\t\tif(n:=i.p_(m,f.w_.result())):raise FV(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    '\t\t\tHA(a.source,b,j,c)\n'
    "\t\t\twith c.f_('save'):o,p=i.aw_(f.texts,h.c_.e_,b.h_);c.notes+=p;q=FJ(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.f_('enable'):CT(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.f_('roll back'):s=EZ(c,h,g,j,k,d)\n"
    '\t\t\traise c.ad_(r,s)from r.__cause__\n'
    "\t\twith c.f_('disable others'):j.ae_();c.notes+=i.ao_(g,b.h_)if l else[];t=EY(f,b,c.notes,d);c.notes+=CR(h,b,c.t_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return V(c.status,ab_=not t)\n"
    "def CP(a,b,c,d):e,f=a.i_.backend,a.i_.c_.e_;g=all((J(f[h])or'').startswith(i)for(h,i)in a.k_.items());j,k=e.aa_(a.k_,b,a.w_.result,g,c.h_);e.load(j,k,[d]);return any(j.values())\n"
    'def EZ(a,b,c,d,e,f):\n'
    '\tg=[];HD(d)\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):EI(h)\n'
    '\ttry:d.av_();a.notes+=CU([i for(i,j)in d.g_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {I(k)}")\n'
    '\ttry:\n'
    '\t\tif not CO(b,c):b.backend.aq_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not CO(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def CO(a,b):\n'
    '\ttry:return a.backend.ar_(a.backend.dump(tuple(b)),b)\n'
    '\texcept C:return False\n'
    'def EY(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.h_:\n'
    '\t\tif(g:=GM(f,a.i_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.h_:\n'
    '\t\ttry:CP(a,a.i_.backend.dump(tuple(a.k_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.h_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    'def EL(a):return tuple(BB(b,a)for b in AN)\n'
    "AO=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def FR(a,b,c=(),d=AB):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tDS()\n'
    '\t\tif not any(f.good for f in a.m_):\n'
    '\t\t\tg=DD(a.m_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,h_=BW())\n'
    "\t\twith e.f_('parse'):f=a.an_()\n"
    '\t\treturn CQ(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=DE(a.m_,b,h,e,d)\n'
    '\t\texcept Exception as j:return V({},[f"{I(j)}; and before it: {I(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,AF)and not any(l.al_ for l in h.problems);m=k and bool(i['services'])and not BW();return V(i,BJ(h),e.notes,m,isinstance(h,AD))\n"
    'def DE(a,b,c,d,e=AB):\n'
    "\tf,g=DD(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':BJ(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tCZ(i)\n'
    "\tif'open'not in i:raise FX('nothing could close this host')\n"
    '\treturn i\n'
    'def DD(a,b,c):\n'
    '\tfor(d,e)in FL(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def FL(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(FP,f,b,c))\n'
    '\t\tyield(d,partial(DC,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(DC,d,b,c,whole=False))\n'
    "def FP(a,b,c):return CQ(a,b,c('first boot',())).status\n"
    'def DC(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(AN[f.backend].families)):\n'
    '\t\twith contextlib.suppress(C):return FM(a,e,b,c,d)\n'
    '\traise C\n'
    'def FM(a,b,c,d,e):\n'
    '\tf,g=BB(b.backend,c),b.texts;h=[];i=CX(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept C as l:\n'
    '\t\t\tif e and(j!=6 or c.r_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise C('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),BT()as m:h+=CR(f,c)\n'
    '\ttry:CV(f,g,a.fallback,AH(),h);CT(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {I(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def FQ(a,b,c,d=(),e=lambda:None,f=AB):\n'
    '\tdef g():\n'
    '\t\to=a();p=FR(b(o),o,d,f)\n'
    '\t\tif not p.problems:\n'
    "\t\t\tfor q in p.status['notes']:AO.info('%s',q)\n"
    "\t\t\tAO.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(p)\n'
    '\tdef j():\n'
    '\t\ttry:return V(**DF(g))\n'
    '\t\texcept DB as o:p=o\n'
    "\t\tdef q():r,s=a(),AB('cloud-init',d);return asdict(V(DE(b(r).m_,r,p,s),[str(p)],s.notes))\n"
    '\t\treturn V(**DF(q))\n'
    '\ti,k,h=j(),J(CD),a();l=EL(h)\n'
    '\tfor m in(*l,*(n for n in EL(h)if n not in l)):\n'
    '\t\tif FO(m,l,i):d=[*i.notes,FN(m,c,i,k)];i=j()\n'
    '\tif i.ab_:e()\n'
    '\tif not i.status:raise A(i.problems[0])\n'
    '\treturn[*i.problems]\n'
    'class DB(A):0\n'
    'def DF(a):\n'
    '\tb,c=os.pipe();d=os.fork()\n'
    '\tif d==0:\n'
    '\t\ttry:\n'
    '\t\t\tos.close(b)\n'
    '\t\t\ttry:e=[True,a()]\n'
    '\t\t\texcept BaseException as f:e=[False,I(f)]\n'
    "\t\t\twith open(c,'w',encoding='utf-8')as g:json.dump(e,g)\n"
    '\t\tfinally:os._exit(0)\n'
    '\tos.close(c)\n'
    "\twith open(b,encoding='utf-8')as h:i=h.read()\n"
    '\tj=os.waitpid(d,0)[1]\n'
    '\tif os.WIFSIGNALED(j)or not i:raise DB(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def FS():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def BH(a):\n'
    '\twith contextlib.suppress(AE):return bool(a.o_())\n'
    '\treturn False\n'
    'def FO(a,b,c):\n'
    '\tif not c.problems or BH(a):return False\n'
    '\tif c.u_:return a in b and(c.au_ or not any(map(BH,b)))\n'
    '\treturn True\n'
    'def FN(a,b,c,d):\n'
    '\te,f=a.c_.ak_,CE()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:AO.info('%s could not be installed: %s',e,g)\n"
    '\t\tif BH(a):h=f"unprotected for up to {FS()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.u_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):X({CD:f},AH(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def EK(a):\n'
    '\tfor b in GD():\n'
    "\t\tif any(HQ(c,b)for c in a.get('trusted',())):return b\n"
    "\treturn''\n"
    "DG=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AP='vps_firewall'\n"
    'public=CY\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend','auto'));return FQ(DI,lambda g:FT(e,d),b,(),c)\n"
    'def DI():return GB(frozenset())\n'
    'def FT(a,b):\n'
    "\tc=DH();d,e,f=(g for g in map(EN,c['plans']));h=d.source['section'];i=[replace(d,name='the last good policy')]if GN()==h else[];i+=[e]if all(a.get(j)==h.get(j)for j in('ssh','lists'))else[];k=c['default_port']and[*b]!=['22']\n"
    '\tdef l():\n'
    '\t\tif k:m=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise AF([BI(f"{AP}.ssh",m)])\n'
    "\t\tif a!=h:raise AF([BI(AP,'is not what this bundle was made of; make it again')])\n"
    '\t\tif EK(d.source):m=f"{EK(d.source)} has the default route here, and is trusted; name networks";raise AF([BI(f"{AP}.allow",m)])\n'
    '\t\treturn d\n'
    '\treturn HN([]if k else[*i,f],l)\n'
    'def DH():\n'
    "\twith open(DG,encoding='utf-8')as a:return json.load(a,strict=False)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(P(BG()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=S(AV)\n'
    "\t\tfor b in map(EN,DH()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=FE(b,str(a.get('backend')),DI());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {I(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
