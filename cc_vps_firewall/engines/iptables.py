"""The engine with iptables -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "541a28872c31345b17a6e1790cd75954775bf7cf7a85c71a8b54fdf44197af5a"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class AU:\n'
    '\tpath:0;ai_:0;al_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.ai_}"\n'
    'class A(Exception):exit_code=1\n'
    'class W(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class V(A):exit_code=3\n'
    'class U(A):exit_code=4\n'
    'class EW(A):exit_code=5\n'
    'class EV(A):exit_code=6\n'
    'class EU(A):0\n'
    'class B(U):0\n'
    'class EX(A):0\n'
    'def E(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def AV(a):return[str(b)for b in a.problems]if isinstance(a,W)else[E(a)]\n'
    "CW='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'BF=threading.local()\n'
    "def CZ():a=[*CW,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def BG(a):return shutil.which(a,path=CZ())or''\n"
    "def H(*a,text='',pass_fds=(),limit=0):return CX(DA(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def DA(*a,text='',pass_fds=()):\n"
    '\tif not text:return BE(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith BD(text)as b:return BE(a,b,pass_fds)\n'
    'def CX(a,b,c=0,limit=0):\n'
    '\td,e,f=FI(a,b,c,limit)\n'
    '\tif d:raise B(FJ(b,d,f))\n'
    '\treturn e\n'
    'def FJ(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def FI(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise B(f"{b} gave no answer in {d:.0f} s")from None\n'
    '\t\traise\n'
    "\treturn a.returncode,e.decode('utf-8','replace'),f.decode('utf-8','replace')\n"
    '@contextmanager\n'
    'def BD(text):\n'
    '\timport fcntl;a=text.encode();b,c=os.pipe()\n'
    '\ttry:fcntl.fcntl(c,1031,len(a)or 1)\n'
    "\texcept OSError:os.close(b);os.close(c);b=os.memfd_create('vps-firewall',os.MFD_CLOEXEC);c=os.dup(b)\n"
    '\ttry:\n'
    "\t\twith open(c,'wb')as d:d.write(a)\n"
    '\t\twith contextlib.suppress(OSError):os.lseek(b,0,os.SEEK_SET)\n'
    '\t\tyield b\n'
    '\tfinally:os.close(b)\n'
    'def BE(a,b,pass_fds):\n'
    '\tc=a[0]if os.path.isabs(a[0])else BG(a[0])\n'
    '\tif not c:raise B(f"{a[0]} is not installed")\n'
    "\td={'PATH':CZ(),'LC_ALL':'C'}\n"
    "\tif getattr(BF,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise B(f"{a[0]}: {e.strerror}")from None\n'
    'def FK(a,pass_fds):\n'
    '\timport fcntl\n'
    '\twith contextlib.ExitStack()as b:c=b.enter_context(BD(\'\'));fcntl.flock(c,fcntl.LOCK_EX);d=\'flock\',\'--shared\',\'--timeout\',str(10),f"/proc/self/fd/{c}";e=[BE([*d,BG(f[0])or f[0],*f[1:]],b.enter_context(BD(g)),[c,*pass_fds])for(f,g)in a];fcntl.flock(c,fcntl.LOCK_UN)\n'
    '\tCY((h,f[0],len(g))for(h,(f,g))in zip(e,a))\n'
    'def CY(a):\n'
    '\tb,c=[],[]\n'
    '\tfor(d,e,f)in a:\n'
    '\t\ttry:b.append(CX(d,e,f))\n'
    '\t\texcept B as g:c.append(str(g))\n'
    "\tif c:raise B('; '.join(c))\n"
    '\treturn b\n'
    '@contextmanager\n'
    'def AJ():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(FH).result();yield a\n"
    'def FH():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise V(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tBF.alone=True\n'
    'class GD:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'F=GD()\n'
    "O='/var/lib/vps-firewall'\n"
    'BK=f"{O}/status-private.json"\n'
    'BJ=f"{O}/status.json"\n'
    'AK=f"{O}/policy.json"\n'
    'AL=f"{O}/services.json"\n'
    'BL=f"{O}/tools"\n'
    "BH='/run/vps-firewall.lock'\n"
    "BM='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'BI=60\n'
    '@dataclass\n'
    'class Z:\n'
    '\th_:0=field(default_factory=dict);ah_:0=False\n'
    '\tdef av_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.h_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(D(c).j_):os.rename(D(c).j_,D(c).c_);P(c)\n'
    '\t\t\t\telse:FO(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ae_(a):\n'
    '\t\tfor b in a.h_:P(b)\n'
    'def DG(a,b,mode=384):return BQ({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def BQ(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tP(d);g,h=e.encode('utf-8','surrogateescape'),DC(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;DE(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.ah_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(D(d).c_,D(d).j_)\n'
    '\t\tfor(d,h)in c.items():os.rename(D(d).n_,D(d).c_);b.h_.setdefault(d,h)\n'
    '\t\tDF(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.h_:P(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def FO(a,b,mode):P(a);DE(a,b,mode);os.rename(D(a).n_,D(a).c_);DF([a])\n'
    'def DI():os.sync()\n'
    'def P(a):\n'
    '\tfor b in(D(a).n_,D(a).j_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class FM:c_:0;n_:0;j_:0\n'
    'def D(a):b=os.path.realpath(a);c,d=os.path.split(b);return FM(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def DE(a,b,mode):\n'
    '\tc=D(a);d=os.path.dirname(c.c_)\n'
    '\ttry:\n'
    '\t\tDD(d)\n'
    "\t\tif os.path.exists(c.c_)and not os.path.isfile(c.c_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.n_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);DB(f.fileno(),d,c.c_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:P(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def DB(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def DD(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);DD(b);os.mkdir(a);os.chmod(a,493);DB(a,b,b)\n'
    'def DF(a):\n'
    '\tfor b in{os.path.dirname(D(c).c_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def DC(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    "def I(a,b='replace'):c=DC(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def AB(a):\n'
    '\ttry:\n'
    "\t\twith open(F/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def BN(a):\n'
    '\ttry:return sorted(os.listdir(F/a))\n'
    '\texcept OSError:return[]\n'
    "def BO():a=(I('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    'def FN(text,a):\n'
    '\tb=f\'include "{a}"\'\n'
    '\tif text is None:return f"""#!/usr/sbin/nft -f\n'
    '\n'
    'flush ruleset\n'
    '\n'
    '{b}\n'
    '"""\n'
    '\tif b in text.splitlines():return text\n'
    '\treturn f"{text if text.endswith(chr(10))or not text else text+chr(10)}{b}\\n"\n'
    "def AA(a):return json.dumps(a,indent=1,sort_keys=True)+'\\n'\n"
    'def DH(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def Q(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def BP():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(BH),exist_ok=True);a=os.open(BH,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+BI\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {BI} s; nothing was changed";raise EU(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "DR='docker*','br-*','podman*','cni*','lxdbr*','incusbr*','lxcbr*','virbr*'\n"
    "DS='br-ex','br-lan','br-wan'\n"
    'def GC(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "def GB(a):return a.startswith(tuple(b.rstrip('*')for b in DR))\n"
    "N='vps-firewall.service'\n"
    "CS='/etc/vps-firewall'\n"
    "CR={0:'nft',4:'v4',6:'v6'}\n"
    "AH='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class X:e_:0;d_:0=(N,);ak_:0='';q_:0='';fallback:0='';y_:0='';w_:0=False;am_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class AX:\n'
    '\tname:0;af_:0=frozenset();r_:0=field(default_factory=dict)\n'
    '\tdef ag_(a,b,c):d={e:f"{CS}/rules.{CR[e]}"for e in c};return a.r_.get(b)or X(d,ak_=b)\n'
    "BA='/etc/nftables/vps-firewall.nft'\n"
    "AG=AX('other')\n"
    "CT=AX('redhat',frozenset({'rhel','fedora','centos'}),r_={'iptables':X({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',y_=AH+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':X({0:BA},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',y_=AH)})\n"
    'CQ=AX(\'debian\',frozenset({\'debian\',\'ubuntu\'}),r_={\'iptables\':X({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',am_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':X({0:BA},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',y_=AH,w_=True)})\n'
    'AW={each.name:each for each in(CT,CQ,AG)}\n'
    'AY=tuple(place for each in AW.values()for place in each.r_.values())\n'
    'AZ=frozenset(unit for place in AY for unit in place.d_)|{N}\n'
    "CV='cloud-init-local.service'\n"
    "BR='/etc/systemd/system'\n"
    'def DM(a):b=os.path.realpath(F/os.devnull);return any(os.path.realpath(F/f"{c}/{a}")==b for c in BM)\n'
    'def R(a):return not DM(a)and any(a in BN(f"etc/systemd/system/{b}")for b in BN(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def FV(a,b,c,d):\n'
    '\tif c:return{f"{BR}/{N}":FS(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+DJ;return{FQ(f):e+b.y_.replace('UNIT',f.partition('.')[0])for f in b.d_}\n"
    'def FQ(a):return f"{BR}/{a}.d/vps-firewall.conf"\n'
    'DJ=f"[Unit]\\nBefore={CV}\\n"\n'
    'def FS(a,b,c):d=a.z_(b.e_,c);e=\'\'.join(f"After={f}\\n"for f in b.d_ if b.w_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def DK():return[]\n'
    "def FR(a):H('systemctl',*DK(),'enable',a)\n"
    "def FP(a):H('systemctl','disable',a,'--no-reload');H('systemctl','mask',a,'--no-reload')\n"
    'def FU(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):H('systemctl','stop',a)\n"
    "def DL(a):H('systemctl',*DK(),'disable',a)\n"
    'def FT():\n'
    "\tif os.path.isdir('/run/systemd/system'):H('systemctl','daemon-reload')\n"
    "AI='/etc/ufw/ufw.conf'\n"
    "Y={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    "CU={'firewalld':'FWD','ufw':'ufw'}\n"
    'def BC():return tuple(a for a in Y if FE(a))\n'
    'def FE(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',AB(AI)))\n'
    '\treturn R(Y[a])\n'
    'def BB(a):return tuple(CU[b]for b in a)\n'
    'def FF(a,b):\n'
    '\tc=Y[a];d=[lambda:FP(c),lambda:FU(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:FD(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(E(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def FD(a):\n'
    "\tb=I(AI,'surrogateescape')or'';DG({AI:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},Z(),mode=None)\n"
    "\tif not a.shares_tables:H('ufw','--force','disable')\n"
    "def FL():return frozenset(DH(Q(AL),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class EY:u_:0=AG;major:0=0;d_:0=frozenset();aj_:0=frozenset();g_:0=();x_:0=True\n'
    "def FB(a):b=FA();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return EY(u_=next((d for d in AW.values()if d.af_&c),AG),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),d_=frozenset(e for e in AZ if EZ(e)),aj_=frozenset(e for e in AZ if R(e))-a,g_=BC(),x_=os.path.exists(F/'proc/net/if_inet6'))\n"
    'def EZ(a):b=any(a in BN(c)for c in BM);d=[e for f in AY if a in f.d_ for e in f.am_];return b and all(os.path.exists(F/e)for e in d)and not DM(a)\n'
    "def FC():a=[b.split()for b in AB('proc/net/route').splitlines()];c=[d[0]for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in AB('proc/net/ipv6_route').splitlines()];c+=[d[-1]for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e!='lo'))\n"
    'def FA():a=AB(\'etc/os-release\')or AB(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    '@dataclass(frozen=True)\n'
    'class FX:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class FZ:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class FY:m_:0;an_:0\n'
    "def DQ(a):b=tuple(FX(c['backend'],DP(c['texts']))for c in a['candidates']);return FZ(a['name'],b,DP(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def DP(a):return{int(b):c for(b,c)in a.items()}\n'
    "BS='vps-firewall'\n"
    "C='VPSFW-'\n"
    "DT=C+'LIST-'\n"
    "K={'mangle':('forward',),'filter':('input','forward','output')}\n"
    '@dataclass\n'
    'class L:a_:0=field(default_factory=dict);b_:0=field(default_factory=dict)\n'
    'def J(a):\n'
    '\tb={};c=L();d=c.b_\n'
    "\tfor e in a.split('\\n'):\n"
    "\t\tif e.startswith('-A '):\n"
    "\t\t\tf,g,h=e[3:].partition(' ')\n"
    '\t\t\tif f not in d:d[f]=[]\n'
    '\t\t\td[f].append(h.rstrip())\n'
    "\t\telif e.startswith('*'):c=b.setdefault(e[1:].strip(),L());d=c.b_\n"
    "\t\telif e.startswith(':'):i,j=e[1:].split()[:2];c.a_[i]=j;d[i]=[]\n"
    '\treturn b\n'
    'def AO(a):\n'
    '\tb={}\n'
    '\tfor c in f"\\n{a}".split(\'\\n*\')[1:]:\n'
    "\t\td,e,f=c.partition('\\n-A ');g,e,d=d.partition('\\n')\n"
    "\t\tif g in K:b[g]=re.sub('\\\\[\\\\d+:\\\\d+\\\\]','',d),f[:f.rfind('\\nCOMMIT')]\n"
    '\treturn b\n'
    'def G(a):return f\'--comment "{BS} \'in a or f"-j {C}"in a and AQ(a).startswith(C)\n'
    'def DW(a,b,c=()):\n'
    '\td=AQ(b)\n'
    "\tif BU(b)or a.a_.get(d)=='-'and not d.startswith((C,*c)):return True\n"
    "\te=re.findall('(?:^| )-[io] (\\\\S+)',AN(b));return any(GB(f)and f not in DS for f in e)\n"
    'def BU(a):return bool(DU.search(f" {AN(a)}"))\n'
    "DU=re.compile('(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\\\\b|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\\\\b')\n"
    "def AQ(a):b=re.search('(?:^| )-[jg] (\\\\S+)',AN(a));return b[1]if b else''\n"
    'def AN(a):return re.sub(\'"(?:\\\\\\\\.|[^"\\\\\\\\])*"\',\'""\',a)\n'
    'def AP(a,b,c,d=()):\n'
    '\tif G(c):return False\n'
    "\treturn AQ(c)in('ACCEPT','RETURN')if a=='mangle'else not DW(b,c,d)\n"
    'def GL(a,b=()):return[f"{c} {d.upper()} {e}"for(c,f)in BT(a).items()for d in K.get(c,())for e in f.b_.get(d.upper(),())if AP(c,f,e,b)]\n'
    'def BT(a):return J(\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {C}")))\n'
    "def GK(a):return any(b.a_.get(c)=='-'and not c.startswith(C)or any(not G(d)for d in e)for(f,b)in BT(a).items()if f in K for(c,e)in b.b_.items())\n"
    'def GM(a,b,c=()):\n'
    "\tif AO(a)==AO(b):return''\n"
    "\td,e=J(a),J(b);return''.join(GH(f,d.get(f,L()),e.get(f,L()),c)for f in K)\n"
    'def GH(a,b,c,d):\n'
    '\te,f,g,h=[],[],[],[];i={}\n'
    '\tfor(j,k)in c.a_.items():\n'
    "\t\tif k=='-':\n"
    '\t\t\tif j.startswith(C)and b.b_.get(j)!=c.b_[j]:\n'
    '\t\t\t\tl=[f"-A {j} {m}\\n"for m in c.b_[j]]\n'
    '\t\t\t\tif j.startswith(DT):i[j]=l\n'
    '\t\t\t\telse:e.append(f":{j} - [0:0]\\n");g+=l\n'
    '\t\t\tcontinue\n'
    '\t\tn,o=b.b_.get(j,[]),[p for p in c.b_[j]if G(p)];q=[p for p in n if AP(a,b,p,d)];r=any(G(p)and any(map(BU,n[s:]))for(s,p)in enumerate(n))\n'
    '\t\tif k!=b.a_.get(j,\'ACCEPT\'):e.append(f":{j} {k} [0:0]\\n")\n'
    '\t\tif q or r or[p for p in n if G(p)]!=o:f+=[f"-D {j} {p}\\n"for p in n if G(p)or p in q];g+=[f"-A {j} {p}\\n"for p in o]\n'
    '\tfor j in b.a_:\n'
    '\t\tif j.startswith(C)and j not in c.a_:i[j]=[];h.append(f"-X {j}\\n")\n'
    '\tfor j in sorted(i,reverse=True):f+=[f":{j} - [0:0]\\n",*i[j]]\n'
    '\tt=[*e,*f,*g,*h];return f"*{a}\\n{\'\'.join(t)}COMMIT\\n"if t else\'\'\n'
    'def GI(a,b):\n'
    '\tif AO(a)==AO(b):return[]\n'
    '\tc,d=J(a),J(b);e=[]\n'
    '\tfor f in K:\n'
    '\t\tg,h=c.get(f,L()),d.get(f,L())\n'
    '\t\tfor(i,j)in h.a_.items():\n'
    "\t\t\tk=g.a_.get(i,'ACCEPT')\n"
    '\t\t\tif j not in(\'-\',k):e+=[f"-{f} {i} policy {k}",f"+{f} {i} policy {j}"]\n'
    '\t\tfor i in dict.fromkeys([*h.a_,*g.a_]):\n'
    "\t\t\tif h.a_.get(i)=='-'or i.startswith(C):l=g.b_.get(i)\n"
    '\t\t\telif i not in h.a_:continue\n'
    '\t\t\telse:l=[m for m in g.b_.get(i,[])if G(m)or AP(f,g,m)]\n'
    '\t\t\tif l!=h.b_.get(i):e+=GF(f"{f} {i}",l,h.b_.get(i))\n'
    '\treturn e\n'
    'def GF(a,b,c):d,e=set(b or()),set(c or());f=[g for g in c or()if g not in d];h=[g for g in b or()if g not in e];i=[f"-{a} {g}"for g in h]+[f"+{a} {g}"for g in f];return i or[f"+{a} (its rules in another order)"if b is not None else f"+{a} (chain)"]\n'
    'def GN(a,b):\n'
    '\tc,d=J(a),J(b);e=[]\n'
    '\tfor(f,g)in K.items():\n'
    '\t\th,i=c.get(f,L()),d.get(f,L());j={k for k in h.a_ if b and k not in i.a_ and not k.startswith(C)}\n'
    '\t\tfor(l,m)in i.b_.items():\n'
    "\t\t\tif i.a_.get(l)!='-':n=[o for o in h.b_.get(l,[])if G(o)or o in m or not(AQ(o)in j or BU(o))];h.b_[l]=[o for o in m if not G(o)and DW(i,o)and o not in n]+n\n"
    "\t\t\telif not l.startswith(C):h.a_[l],h.b_[l]='-',m\n"
    '\t\tfor l in j:h.a_.pop(l),h.b_.pop(l)\n'
    '\t\tp={q.upper():\'ACCEPT\'for q in g}|h.a_;e.append(f"*{f}\\n");e+=[f":{l} {r} [0:0]\\n"for(l,r)in p.items()];e+=[f"-A {l} {s}\\n"for(l,m)in h.b_.items()for s in m];e.append(\'COMMIT\\n\')\n'
    "\treturn''.join(e)\n"
    'def GO(text,a,b=()):\n'
    '\tfor(c,d)in GG(a,b).items():e,f,g=text.partition(f"*{c}\\n");h,i,j=g.partition(\'-A \');text=f"{e}*{c}\\n{h}{\'\'.join(d)}{i}{j}";text+=\'\'if f else\'COMMIT\\n\'\n'
    '\treturn text\n'
    'def GG(a,b=()):\n'
    '\tc={}\n'
    '\tfor(d,e)in sorted(BT(a).items()):\n'
    '\t\tf=[g.upper()for g in K.get(d,())];h=[i for i in e.b_ if not i.startswith((C,*b))];j=[f"-A {i} {k}\\n"for i in h for k in e.b_[i]if not(G(k)or i in f and AP(d,e,k,b))]\n'
    '\t\tif j:l=[i for i in h if i in e.a_ and i not in f];c[d]=[f":{i} {e.a_[i]} [0:0]\\n"for i in l]+j\n'
    '\treturn c\n'
    "def DX(text):return all(DV.match(a)or G(a)for a in text.split('\\n'))\n"
    'DV=re.compile(rf"\\s*$|#|\\*|COMMIT\\b|:(?:{C}|\\w+ ACCEPT\\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {C}")\n'
    "def GJ(a):return bool(re.search('--\\\\w+-set ',AN(a)))\n"
    'CH=60\n'
    "AC={4:'iptables-restore',6:'ip6tables-restore'}\n"
    "T={4:'iptables-save',6:'ip6tables-save'}\n"
    'class EK:\n'
    "\tname='iptables';families=4,6;shares_tables=True;o_=*AC.values(),*T.values(),'flock'\n"
    '\tdef z_(a,b,c):return[f"{c[d]} -w {CH} {b[e]}"for(e,d)in AC.items()]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\td=[([AC[e],*(['--noflush']if e in c else[]),'-w',str(10)],f)for(e,f)in b.items()if f]\n"
    '\t\tif len(d)>1:FK(d,pass_fds)\n'
    '\t\telse:\n'
    '\t\t\tfor(g,f)in d:H(*g,text=f,pass_fds=pass_fds)\n'
    '\tdef dump(a,b):\n'
    '\t\tc=[(DA(T[d]),T[d],0)for d in b];e=dict(zip(b,CY(c)))\n'
    '\t\tfor(d,f)in e.items():\n'
    '\t\t\tg=f.splitlines()\n'
    '\t\t\tif f.strip()and(\'*\'not in f or not all(h[:1]in\'#*:-C[\'for h in g if h)):raise B(f"{T[d]} printed something that is not a dump")\n'
    '\t\treturn e\n'
    '\tdef aq_(a,b,pass_fds=()):\n'
    '\t\tc={}\n'
    '\t\twith contextlib.suppress(B):c=a.dump(tuple(b))\n'
    "\t\ta.load({d:GN(e,c.get(d,''))for(d,e)in b.items()},(),pass_fds)\n"
    '\tdef aa_(a,b,c,d,e,g_):\n'
    '\t\tf,g=dict(b),[];h=d()\n'
    '\t\tfor(i,j)in c.items():\n'
    '\t\t\tk=len(j)+len(f[i])<200000 or GK(j)\n'
    "\t\t\tif'-A 'in j and(k or e):\n"
    '\t\t\t\tl=GM(j,h[i],BB(g_))\n'
    '\t\t\t\tif k or not l:f[i]=l\n'
    '\t\t\tif k:g.append(i)\n'
    '\t\treturn f,g\n'
    '\tdef p_(a,b,c):return[f"{d[0]}IPv{e} {d[1:]}"for(e,f)in c.items()for d in GI(b.get(e,\'\'),f)]\n'
    '\tdef ar_(a,b,c):return all(J(b[d])==J(e)for(d,e)in c.items())\n'
    '\tdef ao_(a,b,g_):c=[f"IPv{d} {e}"for(d,f)in b.items()for e in GL(f,BB(g_))];g=[re.sub(\'( -[sd]|-range) \\\\S+\',\'\\\\1 ...\',e)for e in c[:6]];h=[f"and {len(c)-len(g)} more"]if len(c)>len(g)else[];return[f"rules of others that were taken out: {\'; \'.join(g+h)}"]if c else[]\n'
    '\tdef aw_(a,b,c,g_):\n'
    '\t\td,e=dict(b),[]\n'
    '\t\tfor(f,g)in c.items():\n'
    "\t\t\th=(I(g)or'').split('\\n');i=[j for j in h if not GJ(j)]\n"
    "\t\t\tif DX('\\n'.join(i)):continue\n"
    '\t\t\ttry:\n'
    "\t\t\t\twith AJ()as k:k.submit(a.load,{f:'\\n'.join(i)}).result();l=k.submit(a.dump,(f,)).result()[f];m=GO(b[f],l,BB(g_));k.submit(a.load,{f:m}).result()\n"
    '\t\t\t\td[f]=m\n'
    '\t\t\t\tif len(i)<len(h):e.append(f"{g}: rules that name a set were left out: at boot it is not there")\n'
    '\t\t\texcept A as n:e.append(f"{g} could not be loaded, and nothing in it was kept: {n}")\n'
    '\t\treturn d,e\n'
    'AD={each.name:each for each in(EK(),)}\n'
    'def FW(a):return BG(a)\n'
    '@dataclass(frozen=True)\n'
    'class GA:\n'
    '\tbackend:0;c_:0;l_:0=False\n'
    '\t@property\n'
    '\tdef d_(a):return(N,)if a.l_ else a.c_.d_\n'
    '\tdef o_(a,b=F):\n'
    '\t\tc={d:FW(d)for d in a.backend.o_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise V(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def AM(a,b):c=AD[a];d=b.u_.ag_(a,c.families);e=b.d_&b.aj_ if d.w_ else b.d_;return GA(c,d,N in d.d_ or not e.issuperset(d.d_))\n'
    'def GE(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "def FG():a,b=Q(AK),BO();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def EA(a,b):\n'
    '\tc={}\n'
    '\tfor(d,(e,f))in a.items():\n'
    "\t\tg=I(d,'surrogateescape')\n"
    '\t\tif f is None or g is None or not EB(g):continue\n'
    "\t\th=d+'.before-vps-firewall'\n"
    "\t\twhile I(h,'surrogateescape')not in(None,g):h+='~'\n"
    '\t\tc[h]=g,384;b.append(f"{d} was not ours: what stood there is in {h}")\n'
    '\treturn c\n'
    'def EB(text):return BS not in text and not DX(text)\n'
    "def EJ(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':BO()if c.good else''};h={*FL(),*(i for i in a.d_ if not R(i))};j={*DH(Q(AL),'disabled'),*(Y[k]for k in d.g_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AK:(AA(g),384),AL:(AA(l),384)};return CC(a,b,c.fallback,e,f,also=m)\n"
    'def CC(a,b,fallback,c,d,also=None):\n'
    '\te=a.c_;f=FV(a.backend,e,a.l_,a.o_(F));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.e_.items()}\n'
    '\tif not a.l_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.e_.items()})\n'
    "\tif not a.l_ and e.q_:l=I(F/e.q_,'surrogateescape');j[e.q_]=FN(l,e.e_[0]),None\n"
    '\tm=EA({**j,**g},d);n={**m,**j,**g,**(also or{})};o=BQ({F/h:p for(h,p)in n.items()},c);d+=CB(o)\n'
    '\tif any(h in o for h in g):FT()\n'
    '\treturn o\n'
    'def EI(a,b):c=[d for d in b.u_.r_.values()if d.e_!=a.c_.e_];e=[f for d in c for f in d.d_];return[f for f in e if f not in a.d_ and R(f)]\n'
    'def CA(a,b):\n'
    '\tfor c in a.d_:\n'
    '\t\tif not R(c):b.append(c);FR(c)\n'
    '\tif b:DI()\n'
    'def CB(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):H('restorecon',*a,limit=3.)\n"
    '\texcept B as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def BY(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in EI(a,b):DL(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {E(f)}")\n'
    '\treturn d\n'
    "CD='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def AS():return Q(BK)or Q(BJ)\n'
    'def CG(a):\n'
    '\tb={c:CF(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',AA({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):BQ({BK:(AA(a),384),BJ:(d,420)},Z())\n'
    "def CF(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def CE(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.c_.e_.values()),'services':list(a.d_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class S:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.s_=AS();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
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
    "\tdef ac_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':AV(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.s_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in CD if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];CG(a.status)\n"
    '\tdef ad_(a,b,c):\n'
    '\t\tif c:return A(f"{E(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,U)and a.failed_in==\'load\':return U(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return EW(f"{E(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class EF:i_:0;texts:0;k_:0;at_:0;v_:0;h_:0;notes:0\n'
    'def EH(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in EG(a,b):\n'
    '\t\tj=AM(g,b);k=j.backend\n'
    "\t\ttry:j.o_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(AJ());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(BZ,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return EF(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(map(str,e))\n"
    '\tif all(isinstance(t,V)for t in e):raise V(s)\n'
    '\traise U(f"{s}; nothing was changed")\n'
    'def EG(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.x_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def BZ(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(AR)-c[f].count(AR))for(f,e)in b.items())):raise B(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'AR=\'comment "\'\n'
    'def EE(a,b,c):\n'
    "\td=AM(b,c);e,f=d.backend,next(g.texts for g in a.candidates if g.backend==b);h=AS().get('skipped_families',());i=[]\n"
    '\twith BP(),AJ()as j:\n'
    '\t\tk={l:m for(l,m)in f.items()if l not in h};j.submit(e.load,k).result();n=j.submit(BZ,e,k).result()\n'
    '\t\tfor(l,o)in d.c_.e_.items():i+=EC(e,l,o,f[l],n)\n'
    '\t\tp=[q for q in d.d_ if not R(q)];i+=[f"+{q} enabled: nothing loads the rules at boot"for q in p];i+=ED(e.p_(e.dump(tuple(k)),n))\n'
    '\treturn i\n'
    'def EC(a,b,c,text,d):\n'
    '\te=I(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith AJ()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept B as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.p_(g,{b:d[b]})\n'
    '\telse:i=GE(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def ED(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class M:\n'
    '\tstatus:0;problems:0=();notes:0=();ab_:0=False;au_:0=False\n'
    '\t@property\n'
    "\tdef t_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def BX(a,b,c=None):\n'
    '\tc=c or S()\n'
    '\twith BP()as d,c.ap_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.f_('rehearse'):f=EH(a,b,e)\n"
    "\t\twith c.f_('keep'):g=f.h_.result()\n"
    "\t\th,i=f.i_,f.i_.backend;c.notes+=f.notes;c.status.update(CE(h,a,f.texts));c.status['skipped_families']=list(f.at_);c.write();j=Z(ah_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.f_('load'):l=BW(f,g,b,d)\n"
    "\t\t\twith c.f_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.k_))\n'
    '\t\t\t\tif(n:=i.p_(m,f.v_.result())):raise EV(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    "\t\t\twith c.f_('save'):o,p=i.aw_(f.texts,h.c_.e_,b.g_);c.notes+=p;q=EJ(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.f_('enable'):CA(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.f_('roll back'):s=DZ(c,h,g,j,k,d)\n"
    '\t\t\traise c.ad_(r,s)from r.__cause__\n'
    "\t\twith c.f_('disable others'):j.ae_();c.notes+=i.ao_(g,b.g_)if l else[];t=DY(f,b,c.notes,d);c.notes+=BY(h,b,c.s_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return M(c.status,ab_=not t)\n"
    "def BW(a,b,c,d):e,f=a.i_.backend,a.i_.c_.e_;g=all((I(f[h])or'').startswith(i)for(h,i)in a.k_.items());j,k=e.aa_(a.k_,b,a.v_.result,g,c.g_);e.load(j,k,[d]);return any(j.values())\n"
    'def DZ(a,b,c,d,e,f):\n'
    '\tg=[]\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):DL(h)\n'
    '\ttry:d.av_();a.notes+=CB([i for(i,j)in d.h_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {E(k)}")\n'
    '\ttry:\n'
    '\t\tif not BV(b,c):b.backend.aq_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not BV(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def BV(a,b):\n'
    '\ttry:return a.backend.ar_(a.backend.dump(tuple(b)),b)\n'
    '\texcept B:return False\n'
    'def DY(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.g_:\n'
    '\t\tif(g:=FF(f,a.i_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.g_:\n'
    '\t\ttry:BW(a,a.i_.backend.dump(tuple(a.k_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.g_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    'def DO(a):return tuple(AM(b,a)for b in AD)\n'
    "AE=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def ER(a,b,c=(),d=S):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tDI()\n'
    '\t\tif not any(f.good for f in a.m_):\n'
    '\t\t\tg=CK(a.m_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,g_=BC())\n'
    "\t\twith e.f_('parse'):f=a.an_()\n"
    '\t\treturn BX(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=CL(a.m_,b,h,e,d)\n'
    '\t\texcept Exception as j:return M({},[f"{E(j)}; and before it: {E(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,W)and not any(l.al_ for l in h.problems);m=k and bool(i['services'])and not BC();return M(i,AV(h),e.notes,m,isinstance(h,U))\n"
    'def CL(a,b,c,d,e=S):\n'
    "\tf,g=CK(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':AV(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tCG(i)\n'
    "\tif'open'not in i:raise EX('nothing could close this host')\n"
    '\treturn i\n'
    'def CK(a,b,c):\n'
    '\tfor(d,e)in EL(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def EL(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(EP,f,b,c))\n'
    '\t\tyield(d,partial(CJ,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(CJ,d,b,c,whole=False))\n'
    "def EP(a,b,c):return BX(a,b,c('first boot',())).status\n"
    'def CJ(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(AD[f.backend].families)):\n'
    '\t\twith contextlib.suppress(B):return EM(a,e,b,c,d)\n'
    '\traise B\n'
    'def EM(a,b,c,d,e):\n'
    '\tf,g=AM(b.backend,c),b.texts;h=[];i=CE(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept B as l:\n'
    '\t\t\tif e and(j!=6 or c.x_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise B('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),BP()as m:h+=BY(f,c)\n'
    '\ttry:CC(f,g,a.fallback,Z(),h);CA(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {E(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def EQ(a,b,c,d=(),e=lambda:None,f=S):\n'
    '\tdef g():\n'
    '\t\to=a();p=ER(b(o),o,d,f)\n'
    '\t\tif not p.problems:\n'
    "\t\t\tfor q in p.status['notes']:AE.info('%s',q)\n"
    "\t\t\tAE.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(p)\n'
    '\tdef j():\n'
    '\t\ttry:return M(**CM(g))\n'
    '\t\texcept CI as o:p=o\n'
    "\t\tdef q():r,s=a(),S('cloud-init',d);return asdict(M(CL(b(r).m_,r,p,s),[str(p)],s.notes))\n"
    '\t\treturn M(**CM(q))\n'
    '\ti,k,h=j(),I(BL),a();l=DO(h)\n'
    '\tfor m in(*l,*(n for n in DO(h)if n not in l)):\n'
    '\t\tif EO(m,l,i):d=[*i.notes,EN(m,c,i,k)];i=j()\n'
    '\tif i.ab_:e()\n'
    '\tif not i.status:raise A(i.problems[0])\n'
    '\treturn[*i.problems]\n'
    'class CI(A):0\n'
    'def CM(a):\n'
    '\tb,c=os.pipe();d=os.fork()\n'
    '\tif d==0:\n'
    '\t\ttry:\n'
    '\t\t\tos.close(b)\n'
    '\t\t\ttry:e=[True,a()]\n'
    '\t\t\texcept BaseException as f:e=[False,E(f)]\n'
    "\t\t\twith open(c,'w',encoding='utf-8')as g:json.dump(e,g)\n"
    '\t\tfinally:os._exit(0)\n'
    '\tos.close(c)\n'
    "\twith open(b,encoding='utf-8')as h:i=h.read()\n"
    '\tj=os.waitpid(d,0)[1]\n'
    '\tif os.WIFSIGNALED(j)or not i:raise CI(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def ES():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def AT(a):\n'
    '\twith contextlib.suppress(V):return bool(a.o_())\n'
    '\treturn False\n'
    'def EO(a,b,c):\n'
    '\tif not c.problems or AT(a):return False\n'
    '\tif c.t_:return a in b and(c.au_ or not any(map(AT,b)))\n'
    '\treturn True\n'
    'def EN(a,b,c,d):\n'
    '\te,f=a.c_.ak_,BO()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:AE.info('%s could not be installed: %s',e,g)\n"
    '\t\tif AT(a):h=f"unprotected for up to {ES()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.t_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):DG({BL:f},Z(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def DN(a):\n'
    "\tb=a.get('allow')\n"
    '\tfor c in b if isinstance(b,list)else():\n'
    "\t\tif isinstance(c,dict)and c.get('service')=='all'and'interface'in c:\n"
    '\t\t\tfor d in FC():\n'
    "\t\t\t\tif GC(c['interface'],d):return d\n"
    "\treturn''\n"
    "CN=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AF='vps_firewall'\n"
    'public=CF\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend','auto'));return EQ(CP,lambda g:ET(e,d),b,(),c)\n"
    'def CP():return FB(frozenset())\n'
    'def ET(a,b):\n'
    "\tc=CO();d,e,f=(g for g in map(DQ,c['plans']));h=d.source['section'];i=[replace(d,name='the last good policy')]if FG()==h else[];i+=[e]if all(a.get(j)==h.get(j)for j in('ssh','lists'))else[];k=c['default_port']and[*b]!=['22']\n"
    '\tdef l():\n'
    '\t\tif k:m=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise W([AU(f"{AF}.ssh",m)])\n'
    "\t\tif a!=h:raise W([AU(AF,'is not what this bundle was made of; make it again')])\n"
    '\t\tif DN(h):m=f"{DN(h)} has the default route here, and service: all trusts it; name networks";raise W([AU(f"{AF}.allow",m)])\n'
    '\t\treturn d\n'
    '\treturn FY([]if k else[*i,f],l)\n'
    'def CO():\n'
    "\twith open(CN,encoding='utf-8')as a:return json.load(a)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(AA(AS()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=Q(AK)\n'
    "\t\tfor b in map(DQ,CO()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=EE(b,str(a.get('backend')),CP());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {E(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
