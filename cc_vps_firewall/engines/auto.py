"""The engine with auto -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "eb837eb6d53d5cc39411167e68dcbcda4b0ad7c892aefded0c3ba035374ab66d"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class AX:\n'
    '\tpath:0;aj_:0;am_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.aj_}"\n'
    'class A(Exception):exit_code=1\n'
    'class X(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class W(A):exit_code=3\n'
    'class V(A):exit_code=4\n'
    'class FF(A):exit_code=5\n'
    'class FE(A):exit_code=6\n'
    'class FD(A):0\n'
    'class B(V):0\n'
    'class FG(A):0\n'
    'def E(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def AY(a):return[str(b)for b in a.problems]if isinstance(a,X)else[E(a)]\n'
    "DC='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'BI=threading.local()\n'
    "def DH():a=[*DC,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def BJ(a):return shutil.which(a,path=DH())or''\n"
    "def H(*a,text='',pass_fds=(),limit=0):return DF(BK(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def BK(*a,text='',pass_fds=()):\n"
    '\tif not text:return BH(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith BG(text)as b:return BH(a,b,pass_fds)\n'
    'def DF(a,b,c=0,limit=0):\n'
    '\td,e,f=DD(a,b,c,limit)\n'
    '\tif d:raise B(DE(b,d,f))\n'
    '\treturn e\n'
    'def DE(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def DD(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise B(f"{b} gave no answer in {d:.0f} s")from None\n'
    '\t\traise\n'
    "\treturn a.returncode,e.decode('utf-8','replace'),f.decode('utf-8','replace')\n"
    '@contextmanager\n'
    'def BG(text):\n'
    '\timport fcntl;a=text.encode();b,c=os.pipe()\n'
    '\ttry:fcntl.fcntl(c,1031,len(a)or 1)\n'
    "\texcept OSError:os.close(b);os.close(c);b=os.memfd_create('vps-firewall',os.MFD_CLOEXEC);c=os.dup(b)\n"
    '\ttry:\n'
    "\t\twith open(c,'wb')as d:d.write(a)\n"
    '\t\twith contextlib.suppress(OSError):os.lseek(b,0,os.SEEK_SET)\n'
    '\t\tyield b\n'
    '\tfinally:os.close(b)\n'
    'def BH(a,b,pass_fds):\n'
    '\tc=a[0]if os.path.isabs(a[0])else BJ(a[0])\n'
    '\tif not c:raise B(f"{a[0]} is not installed")\n'
    "\td={'PATH':DH(),'LC_ALL':'C'}\n"
    "\tif getattr(BI,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise B(f"{a[0]}: {e.strerror}")from None\n'
    'def FR(a,pass_fds):\n'
    '\timport fcntl\n'
    '\twith contextlib.ExitStack()as b:c=b.enter_context(BG(\'\'));fcntl.flock(c,fcntl.LOCK_EX);d=\'flock\',\'--shared\',\'--timeout\',str(10),f"/proc/self/fd/{c}";e=[BH([*d,BJ(f[0])or f[0],*f[1:]],b.enter_context(BG(g)),[c,*pass_fds])for(f,g)in a];fcntl.flock(c,fcntl.LOCK_UN)\n'
    '\tDG((h,f[0],len(g))for(h,(f,g))in zip(e,a))\n'
    'def DG(a):\n'
    '\tb,c=[],[]\n'
    '\tfor(d,e,f)in a:\n'
    '\t\ttry:b.append(DF(d,e,f))\n'
    '\t\texcept B as g:c.append(str(g))\n'
    "\tif c:raise B('; '.join(c))\n"
    '\treturn b\n'
    '@contextmanager\n'
    'def AM():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(FQ).result();yield a\n"
    'def FQ():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise W(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tBI.alone=True\n'
    'class GM:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'F=GM()\n'
    "O='/var/lib/vps-firewall'\n"
    'BO=f"{O}/status-private.json"\n'
    'BN=f"{O}/status.json"\n'
    'AN=f"{O}/policy.json"\n'
    'AO=f"{O}/services.json"\n'
    'BP=f"{O}/tools"\n'
    "BL='/run/vps-firewall.lock'\n"
    "BQ='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'BM=60\n'
    '@dataclass\n'
    'class AA:\n'
    '\th_:0=field(default_factory=dict);ai_:0=False\n'
    '\tdef aw_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.h_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(D(c).l_):os.rename(D(c).l_,D(c).c_);P(c)\n'
    '\t\t\t\telse:FV(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ae_(a):\n'
    '\t\tfor b in a.h_:P(b)\n'
    'def DN(a,b,mode=384):return BU({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def BU(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tP(d);g,h=e.encode('utf-8','surrogateescape'),DJ(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;DL(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.ai_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(D(d).c_,D(d).l_)\n'
    '\t\tfor(d,h)in c.items():os.rename(D(d).q_,D(d).c_);b.h_.setdefault(d,h)\n'
    '\t\tDM(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.h_:P(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def FV(a,b,mode):P(a);DL(a,b,mode);os.rename(D(a).q_,D(a).c_);DM([a])\n'
    'def DP():os.sync()\n'
    'def P(a):\n'
    '\tfor b in(D(a).q_,D(a).l_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class FT:c_:0;q_:0;l_:0\n'
    'def D(a):b=os.path.realpath(a);c,d=os.path.split(b);return FT(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def DL(a,b,mode):\n'
    '\tc=D(a);d=os.path.dirname(c.c_)\n'
    '\ttry:\n'
    '\t\tDK(d)\n'
    "\t\tif os.path.exists(c.c_)and not os.path.isfile(c.c_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.q_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);DI(f.fileno(),d,c.c_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:P(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def DI(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def DK(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);DK(b);os.mkdir(a);os.chmod(a,493);DI(a,b,b)\n'
    'def DM(a):\n'
    '\tfor b in{os.path.dirname(D(c).c_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def DJ(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    "def I(a,b='replace'):c=DJ(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def AC(a):\n'
    '\ttry:\n'
    "\t\twith open(F/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def BR(a):\n'
    '\ttry:return sorted(os.listdir(F/a))\n'
    '\texcept OSError:return[]\n'
    "def BS():a=(I('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    'def FU(text,a):\n'
    '\tb=f\'include "{a}"\'\n'
    '\tif text is None:return f"""#!/usr/sbin/nft -f\n'
    '\n'
    'flush ruleset\n'
    '\n'
    '{b}\n'
    '"""\n'
    '\tif b in text.splitlines():return text\n'
    '\treturn f"{text if text.endswith(chr(10))or not text else text+chr(10)}{b}\\n"\n'
    "def AB(a):return json.dumps(a,indent=1,sort_keys=True)+'\\n'\n"
    'def DO(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def Q(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def BT():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(BL),exist_ok=True);a=os.open(BL,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+BM\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {BM} s; nothing was changed";raise FD(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "DX='docker*','br-*','podman*','cni*','lxdbr*','incusbr*','lxcbr*','virbr*'\n"
    "DY='br-ex','br-lan','br-wan'\n"
    'def GL(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "def GK(a):return a.startswith(tuple(b.rstrip('*')for b in DX))\n"
    "N='vps-firewall.service'\n"
    "CY='/etc/vps-firewall'\n"
    "CX={0:'nft',4:'v4',6:'v6'}\n"
    "AK='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class Y:e_:0;d_:0=(N,);al_:0='';s_:0='';fallback:0='';y_:0='';w_:0=False;an_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class BA:\n'
    '\tname:0;af_:0=frozenset();ag_:0=0;o_:0=field(default_factory=dict)\n'
    '\tdef ah_(a,b,c):d={e:f"{CY}/rules.{CX[e]}"for e in c};return a.o_.get(b)or Y(d,al_=b)\n'
    "BD='/etc/nftables/vps-firewall.nft'\n"
    "AJ=BA('other')\n"
    "CZ=BA('redhat',frozenset({'rhel','fedora','centos'}),ag_=9,o_={'iptables':Y({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',y_=AK+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':Y({0:BD},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',y_=AK)})\n"
    'CW=BA(\'debian\',frozenset({\'debian\',\'ubuntu\'}),o_={\'iptables\':Y({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',an_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':Y({0:BD},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',y_=AK,w_=True)})\n'
    'AZ={each.name:each for each in(CZ,CW,AJ)}\n'
    'BB=tuple(place for each in AZ.values()for place in each.o_.values())\n'
    'BC=frozenset(unit for place in BB for unit in place.d_)|{N}\n'
    "DB='cloud-init-local.service'\n"
    "BV='/etc/systemd/system'\n"
    'def DT(a):b=os.path.realpath(F/os.devnull);return any(os.path.realpath(F/f"{c}/{a}")==b for c in BQ)\n'
    'def R(a):return not DT(a)and any(a in BR(f"etc/systemd/system/{b}")for b in BR(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def GC(a,b,c,d):\n'
    '\tif c:return{f"{BV}/{N}":FZ(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+DQ;return{FX(f):e+b.y_.replace('UNIT',f.partition('.')[0])for f in b.d_}\n"
    'def FX(a):return f"{BV}/{a}.d/vps-firewall.conf"\n'
    'DQ=f"[Unit]\\nBefore={DB}\\n"\n'
    'def FZ(a,b,c):d=a.z_(b.e_,c);e=\'\'.join(f"After={f}\\n"for f in b.d_ if b.w_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def DR():return[]\n'
    "def FY(a):H('systemctl',*DR(),'enable',a)\n"
    "def FW(a):H('systemctl','disable',a,'--no-reload');H('systemctl','mask',a,'--no-reload')\n"
    'def GB(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):H('systemctl','stop',a)\n"
    "def DS(a):H('systemctl',*DR(),'disable',a)\n"
    'def GA():\n'
    "\tif os.path.isdir('/run/systemd/system'):H('systemctl','daemon-reload')\n"
    "AL='/etc/ufw/ufw.conf'\n"
    "Z={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    "DA={'firewalld':'FWD','ufw':'ufw'}\n"
    'def BF():return tuple(a for a in Z if FN(a))\n'
    'def FN(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',AC(AL)))\n'
    '\treturn R(Z[a])\n'
    'def BE(a):return tuple(DA[b]for b in a)\n'
    'def FO(a,b):\n'
    '\tc=Z[a];d=[lambda:FW(c),lambda:GB(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:FM(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(E(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def FM(a):\n'
    "\tb=I(AL,'surrogateescape')or'';DN({AL:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},AA(),mode=None)\n"
    "\tif not a.shares_tables:H('ufw','--force','disable')\n"
    "def FS():return frozenset(DO(Q(AO),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class FH:k_:0=AJ;major:0=0;d_:0=frozenset();ak_:0=frozenset();g_:0=();x_:0=True\n'
    "def FK(a):b=FJ();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return FH(k_=next((d for d in AZ.values()if d.af_&c),AJ),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),d_=frozenset(e for e in BC if FI(e)),ak_=frozenset(e for e in BC if R(e))-a,g_=BF(),x_=os.path.exists(F/'proc/net/if_inet6'))\n"
    'def FI(a):b=any(a in BR(c)for c in BQ);d=[e for f in BB if a in f.d_ for e in f.an_];return b and all(os.path.exists(F/e)for e in d)and not DT(a)\n'
    "def FL():a=[b.split()for b in AC('proc/net/route').splitlines()];c=[d[0]for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in AC('proc/net/ipv6_route').splitlines()];c+=[d[-1]for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e!='lo'))\n"
    'def FJ():a=AC(\'etc/os-release\')or AC(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    '@dataclass(frozen=True)\n'
    'class GG:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class GI:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class GH:p_:0;ao_:0\n'
    "def DW(a):b=tuple(GG(c['backend'],DV(c['texts']))for c in a['candidates']);return GI(a['name'],b,DV(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def DV(a):return{int(b):c for(b,c)in a.items()}\n'
    'def DZ(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "AE='inet vps_firewall'\n"
    "def AF(a):a=re.sub('\\\\t# count \\\\d+$','',a,flags=re.MULTILINE);return re.sub('(\\\\tflags dynamic[^\\\\n]*\\\\n(?:\\\\t\\\\t\\\\w[^\\\\n]*\\\\n)*?)\\\\t\\\\telements = \\\\{[^}]*\\\\}\\\\n','\\\\1',a)\n"
    'def EF(a):\n'
    "\tb,c='',[]\n"
    '\tfor d in a.splitlines():\n'
    '\t\tif d.startswith(\'\\t\\t\'):c.append(f"{b}: {d.strip()}")\n'
    "\t\telif d.startswith('\\t')and d.endswith(' {'):b=d[1:-2];c.append(b)\n"
    "\treturn'\\n'.join(c)\n"
    'class ET:\n'
    "\tname='nftables';families=0,;shares_tables=False;r_='nft',\n"
    '\tdef z_(a,b,c):return[f"{c[\'nft\']} -f {b[0]}"]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\tif b:H('nft','-f','-',text=b[0],pass_fds=pass_fds)\n"
    '\tdef dump(a,b):\n'
    "\t\tc=BK('nft','-s','list','table',*AE.split());d,e,f=DD(c,'nft')\n"
    "\t\tif d==1 and f.startswith('Error: No such file or directory'):return{0:''}\n"
    "\t\tif d:raise B(DE('nft',d,f))\n"
    '\t\tif not e.startswith(f"table {AE} {{")or not e.rstrip().endswith(\'}\'):raise B(\'nft printed something that is not a table\')\n'
    '\t\treturn{0:e}\n'
    '\tdef ar_(a,b,pass_fds=()):a.load({0:CN+AF(b[0])},(),pass_fds)\n'
    '\tdef aa_(a,b,c,d,e,g_):\n'
    '\t\tif c[0]and e and not a.j_(c,d()):return{},[]\n'
    '\t\treturn dict(b),[]\n'
    '\tdef j_(a,b,c):d,e=AF(b[0]),AF(c[0]);return[]if d==e else DZ(EF(e),EF(d))\n'
    '\tdef at_(a,b,c):return AF(b[0])==AF(c[0])\n'
    '\tdef ap_(a,b,g_):return[]\n'
    '\tdef ax_(a,b,c,g_):return dict(b),[]\n'
    'CN=f"table {AE}\\ndelete table {AE}\\n"\n'
    "BX='vps-firewall'\n"
    "C='VPSFW-'\n"
    "EA=C+'LIST-'\n"
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
    'def AR(a):\n'
    '\tb={}\n'
    '\tfor c in f"\\n{a}".split(\'\\n*\')[1:]:\n'
    "\t\td,e,f=c.partition('\\n-A ');g,e,d=d.partition('\\n')\n"
    "\t\tif g in K:b[g]=re.sub('\\\\[\\\\d+:\\\\d+\\\\]','',d),f[:f.rfind('\\nCOMMIT')]\n"
    '\treturn b\n'
    'def G(a):return f\'--comment "{BX} \'in a or f"-j {C}"in a and AT(a).startswith(C)\n'
    'def ED(a,b,c=()):\n'
    '\td=AT(b)\n'
    "\tif BZ(b)or a.a_.get(d)=='-'and not d.startswith((C,*c)):return True\n"
    "\te=re.findall('(?:^| )-[io] (\\\\S+)',AQ(b));return any(GK(f)and f not in DY for f in e)\n"
    'def BZ(a):return bool(EB.search(f" {AQ(a)}"))\n'
    "EB=re.compile('(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\\\\b|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\\\\b')\n"
    "def AT(a):b=re.search('(?:^| )-[jg] (\\\\S+)',AQ(a));return b[1]if b else''\n"
    'def AQ(a):return re.sub(\'"(?:\\\\\\\\.|[^"\\\\\\\\])*"\',\'""\',a)\n'
    'def AS(a,b,c,d=()):\n'
    '\tif G(c):return False\n'
    "\treturn AT(c)in('ACCEPT','RETURN')if a=='mangle'else not ED(b,c,d)\n"
    'def GT(a,b=()):return[f"{c} {d.upper()} {e}"for(c,f)in BY(a).items()for d in K.get(c,())for e in f.b_.get(d.upper(),())if AS(c,f,e,b)]\n'
    'def BY(a):return J(\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {C}")))\n'
    "def GS(a):return any(b.a_.get(c)=='-'and not c.startswith(C)or any(not G(d)for d in e)for(f,b)in BY(a).items()if f in K for(c,e)in b.b_.items())\n"
    'def GU(a,b,c=()):\n'
    "\tif AR(a)==AR(b):return''\n"
    "\td,e=J(a),J(b);return''.join(GP(f,d.get(f,L()),e.get(f,L()),c)for f in K)\n"
    'def GP(a,b,c,d):\n'
    '\te,f,g,h=[],[],[],[];i={}\n'
    '\tfor(j,k)in c.a_.items():\n'
    "\t\tif k=='-':\n"
    '\t\t\tif j.startswith(C)and b.b_.get(j)!=c.b_[j]:\n'
    '\t\t\t\tl=[f"-A {j} {m}\\n"for m in c.b_[j]]\n'
    '\t\t\t\tif j.startswith(EA):i[j]=l\n'
    '\t\t\t\telse:e.append(f":{j} - [0:0]\\n");g+=l\n'
    '\t\t\tcontinue\n'
    '\t\tn,o=b.b_.get(j,[]),[p for p in c.b_[j]if G(p)];q=[p for p in n if AS(a,b,p,d)];r=any(G(p)and any(map(BZ,n[s:]))for(s,p)in enumerate(n))\n'
    '\t\tif k!=b.a_.get(j,\'ACCEPT\'):e.append(f":{j} {k} [0:0]\\n")\n'
    '\t\tif q or r or[p for p in n if G(p)]!=o:f+=[f"-D {j} {p}\\n"for p in n if G(p)or p in q];g+=[f"-A {j} {p}\\n"for p in o]\n'
    '\tfor j in b.a_:\n'
    '\t\tif j.startswith(C)and j not in c.a_:i[j]=[];h.append(f"-X {j}\\n")\n'
    '\tfor j in sorted(i,reverse=True):f+=[f":{j} - [0:0]\\n",*i[j]]\n'
    '\tt=[*e,*f,*g,*h];return f"*{a}\\n{\'\'.join(t)}COMMIT\\n"if t else\'\'\n'
    'def GQ(a,b):\n'
    '\tif AR(a)==AR(b):return[]\n'
    '\tc,d=J(a),J(b);e=[]\n'
    '\tfor f in K:\n'
    '\t\tg,h=c.get(f,L()),d.get(f,L())\n'
    '\t\tfor(i,j)in h.a_.items():\n'
    "\t\t\tk=g.a_.get(i,'ACCEPT')\n"
    '\t\t\tif j not in(\'-\',k):e+=[f"-{f} {i} policy {k}",f"+{f} {i} policy {j}"]\n'
    '\t\tfor i in dict.fromkeys([*h.a_,*g.a_]):\n'
    "\t\t\tif h.a_.get(i)=='-'or i.startswith(C):l=g.b_.get(i)\n"
    '\t\t\telif i not in h.a_:continue\n'
    '\t\t\telse:l=[m for m in g.b_.get(i,[])if G(m)or AS(f,g,m)]\n'
    '\t\t\tif l!=h.b_.get(i):e+=GN(f"{f} {i}",l,h.b_.get(i))\n'
    '\treturn e\n'
    'def GN(a,b,c):d,e=set(b or()),set(c or());f=[g for g in c or()if g not in d];h=[g for g in b or()if g not in e];i=[f"-{a} {g}"for g in h]+[f"+{a} {g}"for g in f];return i or[f"+{a} (its rules in another order)"if b is not None else f"+{a} (chain)"]\n'
    'def GV(a,b):\n'
    '\tc,d=J(a),J(b);e=[]\n'
    '\tfor(f,g)in K.items():\n'
    '\t\th,i=c.get(f,L()),d.get(f,L());j={k for k in h.a_ if b and k not in i.a_ and not k.startswith(C)}\n'
    '\t\tfor(l,m)in i.b_.items():\n'
    "\t\t\tif i.a_.get(l)!='-':n=[o for o in h.b_.get(l,[])if G(o)or o in m or not(AT(o)in j or BZ(o))];h.b_[l]=[o for o in m if not G(o)and ED(i,o)and o not in n]+n\n"
    "\t\t\telif not l.startswith(C):h.a_[l],h.b_[l]='-',m\n"
    '\t\tfor l in j:h.a_.pop(l),h.b_.pop(l)\n'
    '\t\tp={q.upper():\'ACCEPT\'for q in g}|h.a_;e.append(f"*{f}\\n");e+=[f":{l} {r} [0:0]\\n"for(l,r)in p.items()];e+=[f"-A {l} {s}\\n"for(l,m)in h.b_.items()for s in m];e.append(\'COMMIT\\n\')\n'
    "\treturn''.join(e)\n"
    'def GW(text,a,b=()):\n'
    '\tfor(c,d)in GO(a,b).items():e,f,g=text.partition(f"*{c}\\n");h,i,j=g.partition(\'-A \');text=f"{e}*{c}\\n{h}{\'\'.join(d)}{i}{j}";text+=\'\'if f else\'COMMIT\\n\'\n'
    '\treturn text\n'
    'def GO(a,b=()):\n'
    '\tc={}\n'
    '\tfor(d,e)in sorted(BY(a).items()):\n'
    '\t\tf=[g.upper()for g in K.get(d,())];h=[i for i in e.b_ if not i.startswith((C,*b))];j=[f"-A {i} {k}\\n"for i in h for k in e.b_[i]if not(G(k)or i in f and AS(d,e,k,b))]\n'
    '\t\tif j:l=[i for i in h if i in e.a_ and i not in f];c[d]=[f":{i} {e.a_[i]} [0:0]\\n"for i in l]+j\n'
    '\treturn c\n'
    "def EE(text):return all(EC.match(a)or G(a)for a in text.split('\\n'))\n"
    'EC=re.compile(rf"\\s*$|#|\\*|COMMIT\\b|:(?:{C}|\\w+ ACCEPT\\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {C}")\n'
    "def GR(a):return bool(re.search('--\\\\w+-set ',AQ(a)))\n"
    'CM=60\n'
    "AG={4:'iptables-restore',6:'ip6tables-restore'}\n"
    "T={4:'iptables-save',6:'ip6tables-save'}\n"
    'class ES:\n'
    "\tname='iptables';families=4,6;shares_tables=True;r_=*AG.values(),*T.values(),'flock'\n"
    '\tdef z_(a,b,c):return[f"{c[d]} -w {CM} {b[e]}"for(e,d)in AG.items()]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\td=[([AG[e],*(['--noflush']if e in c else[]),'-w',str(10)],f)for(e,f)in b.items()if f]\n"
    '\t\tif len(d)>1:FR(d,pass_fds)\n'
    '\t\telse:\n'
    '\t\t\tfor(g,f)in d:H(*g,text=f,pass_fds=pass_fds)\n'
    '\tdef dump(a,b):\n'
    '\t\tc=[(BK(T[d]),T[d],0)for d in b];e=dict(zip(b,DG(c)))\n'
    '\t\tfor(d,f)in e.items():\n'
    '\t\t\tg=f.splitlines()\n'
    '\t\t\tif f.strip()and(\'*\'not in f or not all(h[:1]in\'#*:-C[\'for h in g if h)):raise B(f"{T[d]} printed something that is not a dump")\n'
    '\t\treturn e\n'
    '\tdef ar_(a,b,pass_fds=()):\n'
    '\t\tc={}\n'
    '\t\twith contextlib.suppress(B):c=a.dump(tuple(b))\n'
    "\t\ta.load({d:GV(e,c.get(d,''))for(d,e)in b.items()},(),pass_fds)\n"
    '\tdef aa_(a,b,c,d,e,g_):\n'
    '\t\tf,g=dict(b),[];h=d()\n'
    '\t\tfor(i,j)in c.items():\n'
    '\t\t\tk=len(j)+len(f[i])<200000 or GS(j)\n'
    "\t\t\tif'-A 'in j and(k or e):\n"
    '\t\t\t\tl=GU(j,h[i],BE(g_))\n'
    '\t\t\t\tif k or not l:f[i]=l\n'
    '\t\t\tif k:g.append(i)\n'
    '\t\treturn f,g\n'
    '\tdef j_(a,b,c):return[f"{d[0]}IPv{e} {d[1:]}"for(e,f)in c.items()for d in GQ(b.get(e,\'\'),f)]\n'
    '\tdef at_(a,b,c):return all(J(b[d])==J(e)for(d,e)in c.items())\n'
    '\tdef ap_(a,b,g_):c=[f"IPv{d} {e}"for(d,f)in b.items()for e in GT(f,BE(g_))];g=[re.sub(\'( -[sd]|-range) \\\\S+\',\'\\\\1 ...\',e)for e in c[:6]];h=[f"and {len(c)-len(g)} more"]if len(c)>len(g)else[];return[f"rules of others that were taken out: {\'; \'.join(g+h)}"]if c else[]\n'
    '\tdef ax_(a,b,c,g_):\n'
    '\t\td,e=dict(b),[]\n'
    '\t\tfor(f,g)in c.items():\n'
    "\t\t\th=(I(g)or'').split('\\n');i=[j for j in h if not GR(j)]\n"
    "\t\t\tif EE('\\n'.join(i)):continue\n"
    '\t\t\ttry:\n'
    "\t\t\t\twith AM()as k:k.submit(a.load,{f:'\\n'.join(i)}).result();l=k.submit(a.dump,(f,)).result()[f];m=GW(b[f],l,BE(g_));k.submit(a.load,{f:m}).result()\n"
    '\t\t\t\td[f]=m\n'
    '\t\t\t\tif len(i)<len(h):e.append(f"{g}: rules that name a set were left out: at boot it is not there")\n'
    '\t\t\texcept A as n:e.append(f"{g} could not be loaded, and nothing in it was kept: {n}")\n'
    '\t\treturn d,e\n'
    'U={each.name:each for each in(ET(),ES())}\n'
    'def GD(a):return BJ(a)\n'
    '@dataclass(frozen=True)\n'
    'class GJ:\n'
    '\tbackend:0;c_:0;n_:0=False\n'
    '\t@property\n'
    '\tdef d_(a):return(N,)if a.n_ else a.c_.d_\n'
    '\tdef r_(a,b=F):\n'
    '\t\tc={d:GD(d)for d in a.backend.r_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise W(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def AD(a,b):c=U[a];d=b.k_.ah_(a,c.families);e=b.d_&b.ak_ if d.w_ else b.d_;return GJ(c,d,N in d.d_ or not e.issuperset(d.d_))\n'
    "def FP():a,b=Q(AN),BS();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def EI(a,b):\n'
    '\tc={}\n'
    '\tfor(d,(e,f))in a.items():\n'
    "\t\tg=I(d,'surrogateescape')\n"
    '\t\tif f is None or g is None or not EJ(g):continue\n'
    "\t\th=d+'.before-vps-firewall'\n"
    "\t\twhile I(h,'surrogateescape')not in(None,g):h+='~'\n"
    '\t\tc[h]=g,384;b.append(f"{d} was not ours: what stood there is in {h}")\n'
    '\treturn c\n'
    'def EJ(text):return BX not in text and not EE(text)\n'
    "def ER(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':BS()if c.good else''};h={*FS(),*(i for i in a.d_ if not R(i))};j={*DO(Q(AO),'disabled'),*(Z[k]for k in d.g_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AN:(AB(g),384),AO:(AB(l),384)};return CH(a,b,c.fallback,e,f,also=m)\n"
    'def CH(a,b,fallback,c,d,also=None):\n'
    '\te=a.c_;f=GC(a.backend,e,a.n_,a.r_(F));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.e_.items()}\n'
    '\tif not a.n_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.e_.items()})\n'
    "\tif not a.n_ and e.s_:l=I(F/e.s_,'surrogateescape');j[e.s_]=FU(l,e.e_[0]),None\n"
    '\tm=EI({**j,**g},d);n={**m,**j,**g,**(also or{})};o=BU({F/h:p for(h,p)in n.items()},c);d+=CG(o)\n'
    '\tif any(h in o for h in g):GA()\n'
    '\treturn o\n'
    'def EQ(a,b):c=[d for d in b.k_.o_.values()if d.e_!=a.c_.e_];e=[f for d in c for f in d.d_];return[f for f in e if f not in a.d_ and R(f)]\n'
    'def CF(a,b):\n'
    '\tfor c in a.d_:\n'
    '\t\tif not R(c):b.append(c);FY(c)\n'
    '\tif b:DP()\n'
    'def CG(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):H('restorecon',*a,limit=3.)\n"
    '\texcept B as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def CD(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in EQ(a,b):DS(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {E(f)}")\n'
    '\treturn d\n'
    "CI='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def AV():return Q(BO)or Q(BN)\n'
    'def CL(a):\n'
    '\tb={c:CK(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',AB({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):BU({BO:(AB(a),384),BN:(d,420)},AA())\n'
    "def CK(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def CJ(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.c_.e_.values()),'services':list(a.d_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class S:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.t_=AV();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
    '\t@contextlib.contextmanager\n'
    '\tdef f_(a,b):\n'
    '\t\tc=time.monotonic()\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException:a.failed_in=a.failed_in or b;raise\n'
    '\t\tfinally:a.steps[b]=round(time.monotonic()-c,4)\n'
    '\t@contextlib.contextmanager\n'
    '\tdef aq_(a):\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException as b:a.ac_(b);raise\n'
    '\t\tfinally:a.write()\n'
    "\tdef ac_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':AY(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.t_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in CI if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];CL(a.status)\n"
    '\tdef ad_(a,b,c):\n'
    '\t\tif c:return A(f"{E(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,V)and a.failed_in==\'load\':return V(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return FF(f"{E(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class EN:i_:0;texts:0;m_:0;au_:0;v_:0;h_:0;notes:0\n'
    'def EP(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in EO(a,b):\n'
    '\t\tj=AD(g,b);k=j.backend\n'
    "\t\ttry:j.r_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(AM());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(CE,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return EN(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(map(str,e))\n"
    '\tif all(isinstance(t,W)for t in e):raise W(s)\n'
    '\traise V(f"{s}; nothing was changed")\n'
    'def EO(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.x_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def CE(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(AU)-c[f].count(AU))for(f,e)in b.items())):raise B(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'AU=\'comment "\'\n'
    'def EM(a,b,c):\n'
    "\td=AD(b,c);e,f=d.backend,next(g.texts for g in a.candidates if g.backend==b);h=AV().get('skipped_families',());i=[]\n"
    '\twith BT(),AM()as j:\n'
    '\t\tk={l:m for(l,m)in f.items()if l not in h};j.submit(e.load,k).result();n=j.submit(CE,e,k).result()\n'
    '\t\tfor(l,o)in d.c_.e_.items():i+=EK(e,l,o,f[l],n)\n'
    '\t\tp=[q for q in d.d_ if not R(q)];i+=[f"+{q} enabled: nothing loads the rules at boot"for q in p];i+=EL(e.j_(e.dump(tuple(k)),n))\n'
    '\treturn i\n'
    'def EK(a,b,c,text,d):\n'
    '\te=I(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith AM()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept B as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.j_(g,{b:d[b]})\n'
    '\telse:i=DZ(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def EL(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class M:\n'
    '\tstatus:0;problems:0=();notes:0=();ab_:0=False;av_:0=False\n'
    '\t@property\n'
    "\tdef u_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def CC(a,b,c=None):\n'
    '\tc=c or S()\n'
    '\twith BT()as d,c.aq_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.f_('rehearse'):f=EP(a,b,e)\n"
    "\t\twith c.f_('keep'):g=f.h_.result()\n"
    "\t\th,i=f.i_,f.i_.backend;c.notes+=f.notes;c.status.update(CJ(h,a,f.texts));c.status['skipped_families']=list(f.au_);c.write();j=AA(ai_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.f_('load'):l=CB(f,g,b,d)\n"
    "\t\t\twith c.f_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.m_))\n'
    '\t\t\t\tif(n:=i.j_(m,f.v_.result())):raise FE(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    "\t\t\twith c.f_('save'):o,p=i.ax_(f.texts,h.c_.e_,b.g_);c.notes+=p;q=ER(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.f_('enable'):CF(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.f_('roll back'):s=EH(c,h,g,j,k,d)\n"
    '\t\t\traise c.ad_(r,s)from r.__cause__\n'
    "\t\twith c.f_('disable others'):j.ae_();c.notes+=i.ap_(g,b.g_)if l else[];t=EG(f,b,c.notes,d);c.notes+=CD(h,b,c.t_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return M(c.status,ab_=not t)\n"
    "def CB(a,b,c,d):e,f=a.i_.backend,a.i_.c_.e_;g=all((I(f[h])or'').startswith(i)for(h,i)in a.m_.items());j,k=e.aa_(a.m_,b,a.v_.result,g,c.g_);e.load(j,k,[d]);return any(j.values())\n"
    'def EH(a,b,c,d,e,f):\n'
    '\tg=[]\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):DS(h)\n'
    '\ttry:d.aw_();a.notes+=CG([i for(i,j)in d.h_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {E(k)}")\n'
    '\ttry:\n'
    '\t\tif not CA(b,c):b.backend.ar_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not CA(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def CA(a,b):\n'
    '\ttry:return a.backend.at_(a.backend.dump(tuple(b)),b)\n'
    '\texcept B:return False\n'
    'def EG(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.g_:\n'
    '\t\tif(g:=FO(f,a.i_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.g_:\n'
    '\t\ttry:CB(a,a.i_.backend.dump(tuple(a.m_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.g_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    "AP='auto'\n"
    'def BW(a,b):\n'
    '\tif a in U:return AD(a,b),\n'
    '\tc=GF(b);return tuple(AD(d,b)for d in sorted(U,key=lambda e:e!=c))\n'
    'def GF(a):\n'
    '\tb=a.k_.o_\n'
    "\tfor c in('iptables','nftables'):\n"
    '\t\tif c in b and any(d in a.d_ for d in b[c].d_):return c\n'
    "\treturn'iptables'if 0<a.major<=a.k_.ag_ else'nftables'\n"
    'def GE(a,b):c=[d.backend.name for d in BW(AP,b)];return replace(a,candidates=tuple(sorted(a.candidates,key=lambda e:c.index(e.backend))))\n'
    "AH=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def FA(a,b,c=(),d=S):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tDP()\n'
    '\t\tif not any(f.good for f in a.p_):\n'
    '\t\t\tg=CQ(a.p_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,g_=BF())\n'
    "\t\twith e.f_('parse'):f=a.ao_()\n"
    '\t\treturn CC(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=CR(a.p_,b,h,e,d)\n'
    '\t\texcept Exception as j:return M({},[f"{E(j)}; and before it: {E(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,X)and not any(l.am_ for l in h.problems);m=k and bool(i['services'])and not BF();return M(i,AY(h),e.notes,m,isinstance(h,V))\n"
    'def CR(a,b,c,d,e=S):\n'
    "\tf,g=CQ(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':AY(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tCL(i)\n'
    "\tif'open'not in i:raise FG('nothing could close this host')\n"
    '\treturn i\n'
    'def CQ(a,b,c):\n'
    '\tfor(d,e)in EU(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def EU(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(EY,f,b,c))\n'
    '\t\tyield(d,partial(CP,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(CP,d,b,c,whole=False))\n'
    "def EY(a,b,c):return CC(a,b,c('first boot',())).status\n"
    'def CP(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(U[f.backend].families)):\n'
    '\t\twith contextlib.suppress(B):return EV(a,e,b,c,d)\n'
    '\traise B\n'
    'def EV(a,b,c,d,e):\n'
    '\tf,g=AD(b.backend,c),b.texts;h=[];i=CJ(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept B as l:\n'
    '\t\t\tif e and(j!=6 or c.x_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise B('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),BT()as m:h+=CD(f,c)\n'
    '\ttry:CH(f,g,a.fallback,AA(),h);CF(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {E(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def EZ(a,b,c,d,e=(),f=lambda:None,g=S):\n'
    '\tdef h():\n'
    '\t\tp=a();q=FA(b(p),p,e,g)\n'
    '\t\tif not q.problems:\n'
    "\t\t\tfor r in q.status['notes']:AH.info('%s',r)\n"
    "\t\t\tAH.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(q)\n'
    '\tdef k():\n'
    '\t\ttry:return M(**CS(h))\n'
    '\t\texcept CO as p:q=p\n'
    "\t\tdef r():s,t=a(),S('cloud-init',e);return asdict(M(CR(b(s).p_,s,q,t),[str(q)],t.notes))\n"
    '\t\treturn M(**CS(r))\n'
    '\tj,l,i=k(),I(BP),a();m=BW(c,i)\n'
    '\tfor n in(*m,*(o for o in BW(AP,i)if o not in m)):\n'
    '\t\tif EX(n,m,j):e=[*j.notes,EW(n,d,j,l)];j=k()\n'
    '\tif j.ab_:f()\n'
    '\tif not j.status:raise A(j.problems[0])\n'
    '\treturn[*j.problems]\n'
    'class CO(A):0\n'
    'def CS(a):\n'
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
    '\tif os.WIFSIGNALED(j)or not i:raise CO(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def FB():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def AW(a):\n'
    '\twith contextlib.suppress(W):return bool(a.r_())\n'
    '\treturn False\n'
    'def EX(a,b,c):\n'
    '\tif not c.problems or AW(a):return False\n'
    '\tif c.u_:return a in b and(c.av_ or not any(map(AW,b)))\n'
    '\treturn True\n'
    'def EW(a,b,c,d):\n'
    '\te,f=a.c_.al_,BS()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:AH.info('%s could not be installed: %s',e,g)\n"
    '\t\tif AW(a):h=f"unprotected for up to {FB()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.u_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):DN({BP:f},AA(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def DU(a):\n'
    "\tb=a.get('allow')\n"
    '\tfor c in b if isinstance(b,list)else():\n'
    "\t\tif isinstance(c,dict)and c.get('service')=='all'and'interface'in c:\n"
    '\t\t\tfor d in FL():\n'
    "\t\t\t\tif GL(c['interface'],d):return d\n"
    "\treturn''\n"
    "CT=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AI='vps_firewall'\n"
    'public=CK\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend',AP));return EZ(CV,lambda g:FC(e,d,g),f,b,(),c)\n"
    'def CV():return FK(frozenset())\n'
    'def FC(a,b,c):\n'
    "\td=CU();e,f,g=(GE(h,c)for h in map(DW,d['plans']));i=e.source['section'];j=[replace(e,name='the last good policy')]if FP()==i else[];j+=[f]if all(a.get(k)==i.get(k)for k in('ssh','lists'))else[];l=d['default_port']and[*b]!=['22']\n"
    '\tdef m():\n'
    '\t\tif l:n=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise X([AX(f"{AI}.ssh",n)])\n'
    "\t\tif a!=i:raise X([AX(AI,'is not what this bundle was made of; make it again')])\n"
    '\t\tif DU(i):n=f"{DU(i)} has the default route here, and service: all trusts it; name networks";raise X([AX(f"{AI}.allow",n)])\n'
    '\t\treturn e\n'
    '\treturn GH([]if l else[*j,g],m)\n'
    'def CU():\n'
    "\twith open(CT,encoding='utf-8')as a:return json.load(a)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(AB(AV()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=Q(AN)\n'
    "\t\tfor b in map(DW,CU()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=EM(b,str(a.get('backend')),CV());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {E(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
