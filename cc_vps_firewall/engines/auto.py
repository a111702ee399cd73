"""The engine called auto -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "1525cc0155e3b6d09361098b4646ff4590f2d0212311367a3bf9fc2090237b5a"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,socket,struct,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class BL:\n'
    '\tpath:0;aj_:0;am_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.aj_}"\n'
    'class A(Exception):exit_code=1\n'
    'class AG(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class AF(A):exit_code=3\n'
    'class AE(A):exit_code=4\n'
    'class GF(A):exit_code=5\n'
    'class GE(A):exit_code=6\n'
    'class GD(A):0\n'
    'class B(AE):0\n'
    'class GG(A):0\n'
    'def I(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def BM(a):return[str(b)for b in a.problems]if isinstance(a,AG)else[I(a)]\n'
    'class IA:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'E=IA()\n'
    "BS='/run/vps-firewall.lock'\n"
    "BU='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'BT=60\n'
    '@dataclass\n'
    'class AI:\n'
    '\tg_:0=field(default_factory=dict);ai_:0=False\n'
    '\tdef aw_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.g_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(D(c).l_):os.rename(D(c).l_,D(c).c_);Q(c)\n'
    '\t\t\t\telse:GS(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ae_(a):\n'
    '\t\tfor b in a.g_:Q(b)\n'
    'def X(a,b,mode=384):return BX({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def BX(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tQ(d);g,h=e.encode('utf-8','surrogateescape'),BV(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;DV(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.ai_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(D(d).c_,D(d).l_)\n'
    '\t\tfor(d,h)in c.items():os.rename(D(d).q_,D(d).c_);b.g_.setdefault(d,h)\n'
    '\t\tDW(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.g_:Q(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def GS(a,b,mode):Q(a);DV(a,b,mode);os.rename(D(a).q_,D(a).c_);DW([a])\n'
    'def DY():os.sync()\n'
    'def GQ(a,b):\n'
    '\twith open(a,\'r+\',encoding=\'ascii\')as c:c.write(f"{b}\\n")\n'
    'def Q(a):\n'
    '\tfor b in(D(a).q_,D(a).l_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class GN:c_:0;q_:0;l_:0\n'
    'def D(a):b=os.path.realpath(a);c,d=os.path.split(b);return GN(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def DV(a,b,mode):\n'
    '\tc=D(a);d=os.path.dirname(c.c_)\n'
    '\ttry:\n'
    '\t\tDU(d)\n'
    "\t\tif os.path.exists(c.c_)and not os.path.isfile(c.c_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.q_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);DT(f.fileno(),d,c.c_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:Q(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def DT(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def DU(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);DU(b);os.mkdir(a);os.chmod(a,493);DT(a,b,b)\n'
    'def DW(a):\n'
    '\tfor b in{os.path.dirname(D(c).c_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def BV(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    'def GO(a,b):\n'
    '\tQ(a)\n'
    '\tif(c:=BV(a))is not None:b.g_.setdefault(a,c);os.unlink(a)\n'
    'def GP(a,b):\n'
    '\tc=[]\n'
    '\tfor d in a:\n'
    '\t\tif os.path.lexists(E/d):c.append(f"removed {d.lstrip(\'/\')}")\n'
    '\t\tGO(E/d,b)\n'
    '\treturn c\n'
    "def J(a,b='replace'):c=BV(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def N(a):\n'
    '\ttry:\n'
    "\t\twith open(E/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def R(a):\n'
    '\ttry:return sorted(os.listdir(E/a))\n'
    '\texcept OSError:return[]\n'
    'def GR(text,a):\n'
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
    'def DX(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def S(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def BW():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(BS),exist_ok=True);a=os.open(BS,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+BT\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {BT} s; nothing was changed";raise GD(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "EB='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'CC=threading.local()\n'
    "def EG():a=[*EB,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def CD(a):return shutil.which(a,path=EG())or''\n"
    "def K(*a,text='',pass_fds=(),limit=0):return EE(CE(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def CE(*a,text='',pass_fds=()):\n"
    '\tif not text:return CB(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith CA(text)as b:return CB(a,b,pass_fds)\n'
    'def EE(a,b,c=0,limit=0):\n'
    '\td,e,f=EC(a,b,c,limit)\n'
    '\tif d:raise B(ED(b,d,f))\n'
    '\treturn e\n'
    'def ED(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def EC(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise B(f"{b} gave no answer in {d:.0f} s")from None\n'
    '\t\traise\n'
    "\treturn a.returncode,e.decode('utf-8','replace'),f.decode('utf-8','replace')\n"
    '@contextmanager\n'
    'def CA(text):\n'
    '\timport fcntl;a=text.encode();b,c=os.pipe()\n'
    '\ttry:fcntl.fcntl(c,1031,len(a)or 1)\n'
    "\texcept OSError:os.close(b);os.close(c);b=os.memfd_create('vps-firewall',os.MFD_CLOEXEC);c=os.dup(b)\n"
    '\ttry:\n'
    "\t\twith open(c,'wb')as d:d.write(a)\n"
    '\t\twith contextlib.suppress(OSError):os.lseek(b,0,os.SEEK_SET)\n'
    '\t\tyield b\n'
    '\tfinally:os.close(b)\n'
    'def CB(a,b,pass_fds):\n'
    '\tc=a[0]if os.path.isabs(a[0])else CD(a[0])\n'
    '\tif not c:raise B(f"{a[0]} is not installed")\n'
    "\td={'PATH':EG(),'LC_ALL':'C'}\n"
    "\tif getattr(CC,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise B(f"{a[0]}: {e.strerror}")from None\n'
    'def GY(a,pass_fds):\n'
    '\timport fcntl\n'
    '\twith contextlib.ExitStack()as b:c=b.enter_context(CA(\'\'));fcntl.flock(c,fcntl.LOCK_EX);d=\'flock\',\'--shared\',\'--timeout\',str(10),f"/proc/self/fd/{c}";e=[CB([*d,CD(f[0])or f[0],*f[1:]],b.enter_context(CA(g)),[c,*pass_fds])for(f,g)in a];fcntl.flock(c,fcntl.LOCK_UN)\n'
    '\tEF((h,f[0],len(g))for(h,(f,g))in zip(e,a))\n'
    'def EF(a):\n'
    '\tb,c=[],[]\n'
    '\tfor(d,e,f)in a:\n'
    '\t\ttry:b.append(EE(d,e,f))\n'
    '\t\texcept B as g:c.append(str(g))\n'
    "\tif c:raise B('; '.join(c))\n"
    '\treturn b\n'
    '@contextmanager\n'
    'def AX():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(GX).result();yield a\n"
    'def GX():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise AF(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tCC.alone=True\n'
    "EU='docker*','br-*','podman*','cni*','lxdbr*','incusbr*','lxcbr*','virbr*'\n"
    "EV='br-ex','br-lan','br-wan'\n"
    'def HZ(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "def CP(a):return a.startswith(tuple(b.rstrip('*')for b in EU))\n"
    "W='vps-firewall.service'\n"
    "DR='/etc/vps-firewall'\n"
    "DQ={0:'nft',4:'v4',6:'v6'}\n"
    "AU='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class AH:e_:0;d_:0=(W,);al_:0='';s_:0='';fallback:0='';y_:0='';x_:0=False;an_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class BO:\n'
    '\tname:0;af_:0=frozenset();ag_:0=0;o_:0=field(default_factory=dict)\n'
    '\tdef ah_(a,b,c):d={e:f"{DR}/rules.{DQ[e]}"for e in c};return a.o_.get(b)or AH(d,al_=b)\n'
    "BR='/etc/nftables/vps-firewall.nft'\n"
    "AT=BO('other')\n"
    "DS=BO('redhat',frozenset({'rhel','fedora','centos'}),ag_=9,o_={'iptables':AH({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',y_=AU+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':AH({0:BR},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',y_=AU)})\n"
    'DP=BO(\'debian\',frozenset({\'debian\',\'ubuntu\'}),o_={\'iptables\':AH({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',an_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':AH({0:BR},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',y_=AU,x_=True)})\n'
    'BN={each.name:each for each in(DS,DP,AT)}\n'
    'BP=tuple(place for each in BN.values()for place in each.o_.values())\n'
    'BQ=frozenset(unit for place in BP for unit in place.d_)|{W}\n'
    "EA='cloud-init-local.service'\n"
    "CN='/etc/systemd/system'\n"
    'def EQ(a):b=os.path.realpath(E/os.devnull);return any(os.path.realpath(E/f"{c}/{a}")==b for c in BU)\n'
    'def AA(a):return not EQ(a)and any(a in R(f"etc/systemd/system/{b}")for b in R(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def HR(a,b,c,d):\n'
    '\tif c:return{f"{CN}/{W}":HO(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+EN;return{HM(f):e+b.y_.replace('UNIT',f.partition('.')[0])for f in b.d_}\n"
    'def HM(a):return f"{CN}/{a}.d/vps-firewall.conf"\n'
    'EN=f"[Unit]\\nBefore={EA}\\n"\n'
    'def HO(a,b,c):d=a.z_(b.e_,c);e=\'\'.join(f"After={f}\\n"for f in b.d_ if b.x_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def EO():return[]\n'
    "def HN(a):K('systemctl',*EO(),'enable',a)\n"
    "def HL(a):K('systemctl','disable',a,'--no-reload');K('systemctl','mask',a,'--no-reload')\n"
    'def HQ(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):K('systemctl','stop',a)\n"
    "def EP(a):K('systemctl',*EO(),'disable',a)\n"
    'def HP():\n'
    "\tif os.path.isdir('/run/systemd/system'):K('systemctl','daemon-reload')\n"
    "AW='/etc/ufw/ufw.conf'\n"
    "AJ={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    "DZ={'firewalld':'FWD','ufw':'ufw'}\n"
    'def BZ():return tuple(a for a in AJ if GU(a))\n'
    'def GU(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',N(AW)))\n'
    '\treturn AA(AJ[a])\n'
    'def BY(a):return tuple(DZ[b]for b in a)\n'
    'def GV(a,b):\n'
    '\tc=AJ[a];d=[lambda:HL(c),lambda:HQ(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:GT(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(I(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def GT(a):\n'
    "\tb=J(AW,'surrogateescape')or'';X({AW:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},AI(),mode=None)\n"
    "\tif not a.shares_tables:K('ufw','--force','disable')\n"
    "T='/var/lib/vps-firewall'\n"
    'CG=f"{T}/status-private.json"\n'
    'CF=f"{T}/status.json"\n'
    'AY=f"{T}/policy.json"\n'
    'AZ=f"{T}/services.json"\n'
    'CH=f"{T}/tools"\n'
    "def CI():a=(J('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    "def GZ():return frozenset(DX(S(AZ),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class GH:k_:0=AT;major:0=0;d_:0=frozenset();ak_:0=frozenset();h_:0=();t_:0=True\n'
    "def GK(a):b=GJ();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return GH(k_=next((d for d in BN.values()if d.af_&c),AT),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),d_=frozenset(e for e in BQ if GI(e)),ak_=frozenset(e for e in BQ if AA(e))-a,h_=BZ(),t_=os.path.exists(E/'proc/net/if_inet6'))\n"
    'def GI(a):b=any(a in R(c)for c in BU);d=[e for f in BP if a in f.d_ for e in f.an_];return b and all(os.path.exists(E/e)for e in d)and not EQ(a)\n'
    'def GL():return tuple(a for(b,a)in socket.if_nameindex())\n'
    'def GM():return tuple(dict.fromkeys(a for(b,a)in AV()))\n'
    "def AV():a=[b.split()for b in N('proc/net/route').splitlines()];c=[(4,d[0])for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in N('proc/net/ipv6_route').splitlines()];c+=[(6,d[-1])for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e[1]!='lo'))\n"
    'def GJ():a=N(\'etc/os-release\')or N(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    "AK={4:'net/ipv4/ip_forward',6:'net/ipv6/conf/all/forwarding'}\n"
    "Y='/etc/sysctl.d/99-vps-firewall.conf'\n"
    'U=f"{T}/forwarding.json"\n'
    "CJ='# Made by vps-firewall, for what its policy forwards. Changes here are lost.\\n'\n"
    "BB='/etc/network/interfaces'\n"
    "AL,BA='/etc/systemd/network','vps-firewall-forwarding.conf'\n"
    'EJ,EH=35091,1\n'
    'CK=5.\n'
    "EI='lo','veth','vnet','tap'\n"
    "def EM(a,b):c=a.get('forward');return tuple(d for d in c if d==4 or b.t_)if isinstance(c,(list,tuple))else()\n"
    'def HH(a,b,c,d):\n'
    '\te=EK();f=EM(a,b);g=HF(f,e);g+=HD(e,g,d.notes)\n'
    '\tif g or e or J(Y)is not None:\n'
    "\t\twith d.f_('forward'):HG(g,e,c)\n"
    '\t\tif 6 in f:d.notes+=HC()\n'
    'def HG(a,b,c):\n'
    '\td=[e for e in a if BD(e)!=BC(e)];f={e:b.get(e)or BD(e)for e in a if e in b or e in d};g=AV()\n'
    '\tif a:\n'
    '\t\tX({U:P({**b,**f})},c)\n'
    '\t\tif AK[6]in a:X(dict.fromkeys(HE(),f"{CJ}[Network]\\nIPv6AcceptRA=yes\\n"),c,420)\n'
    '\tfor e in sorted(d,key=Z):CM(e,BC(e))\n'
    '\tfor e in sorted(b.keys()-f.keys(),key=Z,reverse=True):CM(e,b[e])\n'
    '\tif any(map(Z,d))and g:\n'
    '\t\ttime.sleep(CK);h=AV()\n'
    '\t\tif(i:=dict.fromkeys(j[1]for j in g if j not in h)):raise A(f"the default route by {\' and \'.join(i)} was gone {CK:.0f} s after forwarding was switched on; a static route, or accept_ra=2 in what configures that interface, would stay")\n'
    '\tif a:X({U:P(f)},c);X({Y:CJ+\'\'.join(f"{e} = {BC(e)}\\n"for e in a)},c,420)\n'
    '\telse:GP([U,Y,*HB()],c)\n'
    'def HK(a):\n'
    '\tif U not in a.g_:return\n'
    '\tb=a.g_[U];c,d=EL(json.loads(b[0])if b else{}),EK();e=[(f,d[f])for f in sorted(d.keys()-c.keys(),key=Z,reverse=True)]\n'
    '\tfor(f,g)in[*e,*((f,BC(f))for f in sorted(c,key=Z))]:\n'
    '\t\twith contextlib.suppress(A):CM(f,g)\n'
    'def HI(a,b,c):\n'
    "\td=J(Y)or''\n"
    '\tfor e in(AK[f]for f in EM(a,b)):c+=[f"+kernel {CL(e)} = 1"]if BD(e)!=\'1\'else[];c+=[f"+{Y} {CL(e)} = 1"]if f"{e} = 1\\n"not in d else[]\n'
    'def HF(a,b):return[*(HA(b)if 6 in a else[]),*(AK[c]for c in a)]\n'
    'def HA(a):\n'
    '\tb=[]\n'
    "\tfor c in sorted(R('proc/sys/net/ipv6/conf')):\n"
    '\t\td=f"net/ipv6/conf/{c}/accept_ra"\n'
    "\t\tif c=='all'or c.startswith(EI)or CP(c):continue\n"
    "\t\tif d in a or BD(d)=='1':b.append(d)\n"
    '\treturn b\n'
    'def HD(a,b,c):\n'
    '\td=[e for e in a if e not in b];f=[e for e in GL()if CP(e)and HJ(e)]if d else[]\n'
    '\tif not f:return[]\n'
    '\tc.append(f"forwarding stays on, which an earlier policy switched on: {\' and \'.join(f)} may need it");return d\n'
    'def HJ(a):\n'
    '\timport fcntl\n'
    "\twith socket.socket(socket.AF_INET,socket.SOCK_DGRAM)as b,contextlib.suppress(OSError):c=fcntl.ioctl(b,EJ,struct.pack('16s16x',a.encode()));return bool(struct.unpack_from('16xH',c)[0]&EH)\n"
    '\treturn False\n'
    'def Z(a):return a in AK.values()\n'
    "def BC(a):return'1'if Z(a)else'2'\n"
    "def CL(a):return a.replace('.','\\x00').replace('/','.').replace('\\x00','/')\n"
    'def EK():return EL(S(U))\n'
    'def EL(a):return{b:str(c)for(b,c)in a.items()}\n'
    'def HC():\n'
    '\ta=[];b=[f"{BB}.d/{c}"for c in R(f"{BB}.d")]\n'
    '\tfor d in(BB,*b):\n'
    "\t\te=N(d.lstrip('/'))\n"
    "\t\tfor(c,f,g)in re.findall('(?m)^\\\\s*iface (\\\\S+) inet6 (\\\\w+)((?:\\\\n(?!\\\\s*iface\\\\b).*)*)',e):\n"
    "\t\t\th=re.findall('(?m)^\\\\s*accept_ra\\\\s+(\\\\d)',g);i=h[-1]if h else{'dhcp':'1'}.get(f,'2')\n"
    '\t\t\tif f in(\'auto\',\'dhcp\')and i!=\'2\':j=f"{d} has ifupdown set accept_ra = {i} on {c} at each boot";a.append(f"{j}; write accept_ra 2 there, or this host loses what it learns from its router")\n'
    '\treturn a\n'
    'def HE():\n'
    '\tfor(a,b)in AV():\n'
    '\t\tc=N(f"run/systemd/netif/links/{socket.if_nametoindex(b)}")if a==6 else\'\'\n'
    '\t\tif(d:=re.search(\'(?m)^NETWORK_FILE=\\\\S*/([^/\\\\s]+\\\\.network)$\',c)):yield f"{AL}/{d[1]}.d/{BA}"\n'
    'def HB():a=[b for b in R(AL)if b.endswith(\'.network.d\')];return[f"{AL}/{b}/{BA}"for b in a if BA in R(f"{AL}/{b}")]\n'
    'def BD(a):return N(f"proc/sys/{a}").strip()\n'
    'def CM(a,b):\n'
    "\tc=os.path.join('/proc/sys',a)\n"
    '\ttry:GQ(c,b)\n'
    '\texcept FileNotFoundError:return\n'
    '\texcept OSError as d:raise A(f"{c} cannot be written ({d.strerror}), as in a container; whoever runs it has to set {CL(a)} = {b}")from None\n'
    '@dataclass(frozen=True)\n'
    'class HV:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class HX:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class HW:p_:0;ao_:0\n'
    "def ET(a):b=tuple(HV(c['backend'],ES(c['texts']))for c in a['candidates']);return HX(a['name'],b,ES(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def ES(a):return{int(b):c for(b,c)in a.items()}\n'
    'def EW(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "AO='inet vps_firewall'\n"
    "def AP(a):a=re.sub('\\\\t# count \\\\d+$','',a,flags=re.MULTILINE);return re.sub('(\\\\tflags dynamic[^\\\\n]*\\\\n(?:\\\\t\\\\t\\\\w[^\\\\n]*\\\\n)*?)\\\\t\\\\telements = \\\\{[^}]*\\\\}\\\\n','\\\\1',a)\n"
    'def FF(a):\n'
    "\tb,c='',[]\n"
    '\tfor d in a.splitlines():\n'
    '\t\tif d.startswith(\'\\t\\t\'):c.append(f"{b}: {d.strip()}")\n'
    "\t\telif d.startswith('\\t')and d.endswith(' {'):b=d[1:-2];c.append(b)\n"
    "\treturn'\\n'.join(c)\n"
    'class FT:\n'
    "\tname='nftables';families=0,;shares_tables=False;r_='nft',\n"
    '\tdef z_(a,b,c):return[f"{c[\'nft\']} -f {b[0]}"]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\tif b:K('nft','-f','-',text=b[0],pass_fds=pass_fds)\n"
    '\tdef dump(a,b):\n'
    "\t\tc=CE('nft','-s','list','table',*AO.split());d,e,f=EC(c,'nft')\n"
    "\t\tif d==1 and f.startswith('Error: No such file or directory'):return{0:''}\n"
    "\t\tif d:raise B(ED('nft',d,f))\n"
    '\t\tif not e.startswith(f"table {AO} {{")or not e.rstrip().endswith(\'}\'):raise B(\'nft printed something that is not a table\')\n'
    '\t\treturn{0:e}\n'
    '\tdef ar_(a,b,pass_fds=()):a.load({0:DG+AP(b[0])},(),pass_fds)\n'
    '\tdef aa_(a,b,c,d,e,h_):\n'
    '\t\tif c[0]and e and not a.j_(c,d()):return{},[]\n'
    '\t\treturn dict(b),[]\n'
    '\tdef j_(a,b,c):d,e=AP(b[0]),AP(c[0]);return[]if d==e else EW(FF(e),FF(d))\n'
    '\tdef at_(a,b,c):return AP(b[0])==AP(c[0])\n'
    '\tdef ap_(a,b,h_):return[]\n'
    '\tdef ax_(a,b,c,h_):return{0:b[0]},[]\n'
    'DG=f"table {AO}\\ndelete table {AO}\\n"\n'
    "CQ='vps-firewall'\n"
    "C='VPSFW-'\n"
    "EX=C+'LIST-'\n"
    "F=C+'BANS'\n"
    "O={'mangle':('forward',),'filter':('input','forward','output')}\n"
    "G={'nat':('prerouting','postrouting'),'raw':('prerouting',)}\n"
    '@dataclass\n'
    'class L:a_:0=field(default_factory=dict);b_:0=field(default_factory=dict)\n'
    'def M(a):\n'
    '\tb={};c=L();d=c.b_\n'
    "\tfor e in a.split('\\n'):\n"
    "\t\tif e.startswith('-A '):\n"
    "\t\t\tf,g,h=e[3:].partition(' ')\n"
    '\t\t\tif f not in d:d[f]=[]\n'
    '\t\t\td[f].append(h.rstrip())\n'
    "\t\telif e.startswith('*'):c=b.setdefault(e[1:].strip(),L());d=c.b_\n"
    "\t\telif e.startswith(':'):i,j=e[1:].split()[:2];c.a_[i]=j;d[i]=[]\n"
    '\treturn b\n'
    'def FE(a):\n'
    '\tif f"\\n-A {F} "not in a:return a\n'
    '\treturn\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {F} ")or FB(b))\n'
    "def FB(a):return AN(a)=='ACCEPT'\n"
    'def IJ(a):return a.count(f"\\n-A {F} ")if f"\\n:{F} "in a else None\n'
    'def BG(a):\n'
    '\tb={}\n'
    '\tfor c in f"\\n{a}".split(\'\\n*\')[1:]:\n'
    "\t\td,e,f=c.partition('\\n-A ');g,e,d=d.partition('\\n')\n"
    '\t\tif g in O or g in G and IK(f"\\n{c}"):b[g]=re.sub(\'\\\\[\\\\d+:\\\\d+\\\\]\',\'\',d),f[:f.rfind(\'\\nCOMMIT\')]\n'
    '\treturn b\n'
    'def H(a):return f\'--comment "{CQ} \'in a or f"-j {C}"in a and AN(a).startswith(C)\n'
    'def IK(a):return f"\\n:{C}"in a or H(a)\n'
    'def FC(a,b,c=()):\n'
    '\td=AN(b)\n'
    "\tif CS(b)or a.a_.get(d)=='-'and not d.startswith((C,*c)):return True\n"
    "\te=re.findall('(?:^| )-[io] (\\\\S+)',BF(b));return any(CP(f)and f not in EV for f in e)\n"
    'def CS(a):return bool(EZ.search(f" {BF(a)}"))\n'
    "EZ=re.compile('(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\\\\b|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\\\\b')\n"
    "def AN(a):b=re.search('(?:^| )-[jg] (\\\\S+)',BF(a));return b[1]if b else''\n"
    'def BF(a):return re.sub(\'"(?:\\\\\\\\.|[^"\\\\\\\\])*"\',\'""\',a)\n'
    'def BH(a,b,c,d=()):\n'
    '\tif H(c)or a in G:return False\n'
    "\treturn AN(c)in('ACCEPT','RETURN')if a=='mangle'else not FC(b,c,d)\n"
    'def IN(a,b=()):return[*(f"filter {c[3:]}"for c in a.split(\'\\n\')if c.startswith(f"-A {F} ")and FB(c)),*(f"{d} {e.upper()} {f}"for(d,g)in CR(a).items()for e in O.get(d,())for f in g.b_.get(e.upper(),())if BH(d,g,f,b))]\n'
    'def CR(a):return M(\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {C}")))\n'
    "def IM(a):return bool(IJ(a))or any(b.a_.get(c)=='-'and not c.startswith(C)or any(not H(d)for d in e)for(f,b)in CR(a).items()if f in O or f in G for(c,e)in b.b_.items())\n"
    "def FD(text):return all(FA.match(a)or H(a)for a in text.split('\\n'))\n"
    'FA=re.compile(rf"\\s*$|#|\\*|COMMIT\\b|:(?:{C}|\\w+ ACCEPT\\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {C}")\n'
    "def IL(a):return bool(re.search('--\\\\w+-set ',BF(a)))\n"
    'def IG(a,b,c=()):\n'
    '\ta=FE(a)\n'
    "\tif BG(a)==BG(b):return''\n"
    "\td,e=M(a),M(b);return''.join(IE(f,d.get(f,L()),ID(f,d,e),c)for f in(*O,*G))\n"
    'def ID(a,b,c):\n'
    '\td=c.get(a,L())\n'
    '\tif a not in G or a not in b:return d\n'
    "\te={f.upper():'ACCEPT'for f in G[a]};return L({**e,**d.a_},{**{f:[]for f in e},**d.b_})\n"
    'def IE(a,b,c,d):\n'
    '\te,f,g,h=[],[],[],[];i={}\n'
    '\tfor(j,k)in c.a_.items():\n'
    "\t\tif k=='-':\n"
    '\t\t\tif j==F and F in b.a_:f+=[f"-D {F} {l}\\n"for l in b.b_[F]]\n'
    '\t\t\telif j.startswith(C)and b.b_.get(j)!=c.b_[j]:\n'
    '\t\t\t\tm=[f"-A {j} {l}\\n"for l in c.b_[j]]\n'
    '\t\t\t\tif j.startswith(EX):i[j]=m\n'
    '\t\t\t\telse:e.append(f":{j} - [0:0]\\n");g+=m\n'
    '\t\t\tcontinue\n'
    '\t\tn,o=b.b_.get(j,[]),[p for p in c.b_[j]if H(p)];q=[p for p in n if BH(a,b,p,d)];r=any(H(p)and any(map(CS,n[s:]))for(s,p)in enumerate(n))\n'
    '\t\tif a not in G and k!=b.a_.get(j,\'ACCEPT\'):e.append(f":{j} {k} [0:0]\\n")\n'
    '\t\tif q or r or[p for p in n if H(p)]!=o:f+=[f"-D {j} {p}\\n"for p in n if H(p)or p in q];g+=[f"-A {j} {p}\\n"for p in o]\n'
    '\tfor j in b.a_:\n'
    '\t\tif j.startswith(C)and j not in(*c.a_,F):i[j]=[];h.append(f"-X {j}\\n")\n'
    '\tfor j in sorted(i,reverse=True):f+=[f":{j} - [0:0]\\n",*i[j]]\n'
    '\tt=[*e,*f,*g,*h];return f"*{a}\\n{\'\'.join(t)}COMMIT\\n"if t else\'\'\n'
    'def IF(a,b):\n'
    '\ta=FE(a)\n'
    '\tif BG(a)==BG(b):return[]\n'
    '\tc,d=M(a),M(b);e=[]\n'
    '\tfor f in(*O,*G):\n'
    '\t\tg,h=c.get(f,L()),d.get(f,L())\n'
    '\t\tfor(i,j)in h.a_.items():\n'
    "\t\t\tk=g.a_.get(i,'ACCEPT')\n"
    '\t\t\tif j not in(\'-\',k)and f not in G:e+=[f"-{f} {i} policy {k}",f"+{f} {i} policy {j}"]\n'
    '\t\tfor i in dict.fromkeys([*h.a_,*g.a_]):\n'
    "\t\t\tif h.a_.get(i)=='-'or i.startswith(C):l=g.b_.get(i)\n"
    '\t\t\telif i not in h.a_:continue\n'
    '\t\t\telse:l=[m for m in g.b_.get(i,[])if H(m)or BH(f,g,m)]\n'
    '\t\t\tif l!=h.b_.get(i):e+=IB(f"{f} {i}",l,h.b_.get(i))\n'
    '\treturn e\n'
    'def IB(a,b,c):d,e=set(b or()),set(c or());f=[g for g in c or()if g not in d];h=[g for g in b or()if g not in e];i=[f"-{a} {g}"for g in h]+[f"+{a} {g}"for g in f];return i or[f"+{a} (its rules in another order)"if b is not None else f"+{a} (chain)"]\n'
    'def IH(a,b):\n'
    '\tc,d=M(a),M(b);e=[]\n'
    '\tfor(f,g)in{**O,**G}.items():\n'
    '\t\tif f in G and not(EY(f,c)or EY(f,d)):continue\n'
    '\t\th,i=c.get(f,L()),d.get(f,L());j={k for k in h.a_ if b and k not in i.a_ and not k.startswith(C)}\n'
    '\t\tfor(l,m)in i.b_.items():\n'
    "\t\t\tif i.a_.get(l)!='-':n=[o for o in h.b_.get(l,[])if H(o)or o in m or not(AN(o)in j or CS(o))];h.b_[l]=[o for o in m if not H(o)and FC(i,o)and o not in n]+n\n"
    "\t\t\telif not l.startswith(C)or l==F and F in h.a_:h.a_[l],h.b_[l]='-',m\n"
    '\t\tfor l in j:h.a_.pop(l),h.b_.pop(l)\n'
    '\t\tp={q.upper():\'ACCEPT\'for q in g}|h.a_;e.append(f"*{f}\\n");e+=[f":{l} {r} [0:0]\\n"for(l,r)in p.items()];e+=[f"-A {l} {s}\\n"for(l,m)in h.b_.items()for s in m];e.append(\'COMMIT\\n\')\n'
    "\treturn''.join(e)\n"
    'def EY(a,b):c=b.get(a,L());return any(d.startswith(C)or any(map(H,e))for(d,e)in c.b_.items())\n'
    'def II(text,a,b=()):\n'
    '\tfor(c,d)in IC(a,b).items():e,f,g=text.partition(f"*{c}\\n");h,i,j=g.partition(\'-A \');text=f"{e}*{c}\\n{h}{\'\'.join(d)}{i}{j}";text+=\'\'if f else\'COMMIT\\n\'\n'
    '\treturn text\n'
    'def IC(a,b=()):\n'
    '\tc={}\n'
    '\tfor(d,e)in sorted(CR(a).items()):\n'
    '\t\tf=[g.upper()for g in{**O,**G}.get(d,())];h=[i for i in e.b_ if not i.startswith((C,*b))];j=[f"-A {i} {k}\\n"for i in h for k in e.b_[i]if not(H(k)or i in f and BH(d,e,k,b))]\n'
    '\t\tif j:l=[i for i in h if i in e.a_ and i not in f];c[d]=[f":{i} {e.a_[i]} [0:0]\\n"for i in l]+j\n'
    '\treturn c\n'
    'DF=60\n'
    "AQ={4:'iptables-restore',6:'ip6tables-restore'}\n"
    "AC={4:'iptables-save',6:'ip6tables-save'}\n"
    'class FS:\n'
    "\tname='iptables';families=4,6;shares_tables=True;r_=*AQ.values(),*AC.values(),'flock'\n"
    '\tdef z_(a,b,c):return[f"{c[d]} -w {DF} {b[e]}"for(e,d)in AQ.items()]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\td=[([AQ[e],*(['--noflush']if e in c else[]),'-w',str(10)],f)for(e,f)in b.items()if f]\n"
    '\t\tif len(d)>1:GY(d,pass_fds)\n'
    '\t\telse:\n'
    '\t\t\tfor(g,f)in d:K(*g,text=f,pass_fds=pass_fds)\n'
    '\tdef dump(a,b):\n'
    '\t\tc=[(CE(AC[d]),AC[d],0)for d in b];e=dict(zip(b,EF(c)))\n'
    '\t\tfor(d,f)in e.items():\n'
    '\t\t\tg=f.splitlines()\n'
    '\t\t\tif f.strip()and(\'*\'not in f or not all(h[:1]in\'#*:-C[\'for h in g if h)):raise B(f"{AC[d]} printed something that is not a dump")\n'
    '\t\treturn e\n'
    '\tdef ar_(a,b,pass_fds=()):\n'
    '\t\tc={}\n'
    '\t\twith contextlib.suppress(B):c=a.dump(tuple(b))\n'
    "\t\ta.load({d:IH(e,c.get(d,''))for(d,e)in b.items()},(),pass_fds)\n"
    '\tdef aa_(a,b,c,d,e,h_):\n'
    '\t\tf,g=dict(b),[];h=d()\n'
    '\t\tfor(i,j)in c.items():\n'
    '\t\t\tk=len(j)+len(f[i])<200000 or IM(j)\n'
    "\t\t\tif'-A 'in j and(k or e):\n"
    '\t\t\t\tl=IG(j,h[i],BY(h_))\n'
    '\t\t\t\tif k or not l:f[i]=l\n'
    '\t\t\tif k:g.append(i)\n'
    '\t\treturn f,g\n'
    '\tdef j_(a,b,c):return[f"{d[0]}IPv{e} {d[1:]}"for(e,f)in c.items()for d in IF(b.get(e,\'\'),f)]\n'
    '\tdef at_(a,b,c):return all(M(b[d])==M(e)for(d,e)in c.items())\n'
    '\tdef ap_(a,b,h_):c=[f"IPv{d} {e}"for(d,f)in b.items()for e in IN(f,BY(h_))];g=[re.sub(\'( -[sd]|-range) \\\\S+\',\'\\\\1 ...\',e)for e in c[:6]];h=[f"and {len(c)-len(g)} more"]if len(c)>len(g)else[];return[f"rules of others that were taken out: {\'; \'.join(g+h)}"]if c else[]\n'
    '\tdef ax_(a,b,c,h_):\n'
    '\t\td,e=dict(b),[]\n'
    '\t\tfor(f,g)in c.items():\n'
    "\t\t\th=(J(g)or'').split('\\n');i=[j for j in h if not IL(j)]\n"
    "\t\t\tif FD('\\n'.join(i)):continue\n"
    '\t\t\ttry:\n'
    "\t\t\t\twith AX()as k:k.submit(a.load,{f:'\\n'.join(i)}).result();l=k.submit(a.dump,(f,)).result()[f];m=II(b[f],l,BY(h_));k.submit(a.load,{f:m}).result()\n"
    '\t\t\t\td[f]=m\n'
    '\t\t\t\tif len(i)<len(h):e.append(f"{g}: rules that name a set were left out: at boot it is not there")\n'
    '\t\t\texcept A as n:e.append(f"{g} could not be loaded, and nothing in it was kept: {n}")\n'
    '\t\treturn d,e\n'
    'AD={each.name:each for each in(FT(),FS())}\n'
    'def HS(a):return CD(a)\n'
    '@dataclass(frozen=True)\n'
    'class HY:\n'
    '\tbackend:0;c_:0;n_:0=False\n'
    '\t@property\n'
    '\tdef d_(a):return(W,)if a.n_ else a.c_.d_\n'
    '\tdef r_(a,b=E):\n'
    '\t\tc={d:HS(d)for d in a.backend.r_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise AF(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def AM(a,b):c=AD[a];d=b.k_.ah_(a,c.families);e=b.d_&b.ak_ if d.x_ else b.d_;return HY(c,d,W in d.d_ or not e.issuperset(d.d_))\n'
    "def GW():a,b=S(AY),CI();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def FI(a,b):\n'
    '\tc={}\n'
    '\tfor(d,(e,f))in a.items():\n'
    "\t\tg=J(d,'surrogateescape')\n"
    '\t\tif f is None or g is None or not FJ(g):continue\n'
    "\t\th=d+'.before-vps-firewall'\n"
    "\t\twhile J(h,'surrogateescape')not in(None,g):h+='~'\n"
    '\t\tc[h]=g,384;b.append(f"{d} was not ours: what stood there is in {h}")\n'
    '\treturn c\n'
    'def FJ(text):return CQ not in text and not FD(text)\n'
    "def FR(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':CI()if c.good else''};h={*GZ(),*(i for i in a.d_ if not AA(i))};j={*DX(S(AZ),'disabled'),*(AJ[k]for k in d.h_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AY:(P(g),384),AZ:(P(l),384)};return DA(a,b,c.fallback,e,f,also=m)\n"
    'def DA(a,b,fallback,c,d,also=None):\n'
    '\te=a.c_;f=HR(a.backend,e,a.n_,a.r_(E));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.e_.items()}\n'
    '\tif not a.n_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.e_.items()})\n'
    "\tif not a.n_ and e.s_:l=J(E/e.s_,'surrogateescape');j[e.s_]=GR(l,e.e_[0]),None\n"
    '\tm=FI({**j,**g},d);n={**m,**j,**g,**(also or{})};o=BX({E/h:p for(h,p)in n.items()},c);d+=CZ(o)\n'
    '\tif any(h in o for h in g):HP()\n'
    '\treturn o\n'
    'def FQ(a,b):c=[d for d in b.k_.o_.values()if d.e_!=a.c_.e_];e=[f for d in c for f in d.d_];return[f for f in e if f not in a.d_ and AA(f)]\n'
    'def CY(a,b):\n'
    '\tfor c in a.d_:\n'
    '\t\tif not AA(c):b.append(c);HN(c)\n'
    '\tif b:DY()\n'
    'def CZ(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):K('restorecon',*a,limit=3.)\n"
    '\texcept B as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def CW(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in FQ(a,b):EP(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {I(f)}")\n'
    '\treturn d\n'
    "DB='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def BJ():return S(CG)or S(CF)\n'
    'def DE(a):\n'
    '\tb={c:DD(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',P({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):BX({CG:(P(a),384),CF:(d,420)},AI())\n'
    "def DD(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def DC(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.c_.e_.values()),'services':list(a.d_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class AB:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.u_=BJ();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
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
    "\tdef ac_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':BM(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.u_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in DB if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];DE(a.status)\n"
    '\tdef ad_(a,b,c):\n'
    '\t\tif c:return A(f"{I(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,AE)and a.failed_in==\'load\':return AE(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return GF(f"{I(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class FN:i_:0;texts:0;m_:0;au_:0;w_:0;g_:0;notes:0\n'
    'def FP(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in FO(a,b):\n'
    '\t\tj=AM(g,b);k=j.backend\n'
    "\t\ttry:j.r_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(AX());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(CX,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return FN(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(dict.fromkeys(map(str,e)))\n"
    '\tif all(isinstance(t,AF)for t in e):raise AF(s)\n'
    '\traise AE(f"{s}; nothing was changed")\n'
    'def FO(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.t_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def CX(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(BI)-c[f].count(BI))for(f,e)in b.items())):raise B(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'BI=\'comment "\'\n'
    'def FM(a,b,c):\n'
    "\td=AM(b,c);e,f=d.backend,[g.texts for g in a.candidates if g.backend==b];h=BJ().get('skipped_families',());i=[]\n"
    '\twith BW(),AX()as j:\n'
    '\t\tfor k in f:\n'
    '\t\t\tl={m:n for(m,n)in k.items()if m not in h}\n'
    '\t\t\ttry:j.submit(e.load,l).result();break\n'
    '\t\t\texcept B as o:p=o\n'
    '\t\telse:raise p\n'
    '\t\tq=j.submit(CX,e,l).result()\n'
    '\t\tfor(m,r)in d.c_.e_.items():i+=FK(e,m,r,k[m],q)\n'
    '\t\ts=[t for t in d.d_ if not AA(t)];i+=[f"+{t} enabled: nothing loads the rules at boot"for t in s];i+=FL(e.j_(e.dump(tuple(l)),q))\n'
    '\tHI(a.source,c,i);return i\n'
    'def FK(a,b,c,text,d):\n'
    '\te=J(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith AX()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept B as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.j_(g,{b:d[b]})\n'
    '\telse:i=EW(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def FL(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class V:\n'
    '\tstatus:0;problems:0=();notes:0=();ab_:0=False;av_:0=False\n'
    '\t@property\n'
    "\tdef v_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def CV(a,b,c=None):\n'
    '\tc=c or AB()\n'
    '\twith BW()as d,c.aq_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.f_('rehearse'):f=FP(a,b,e)\n"
    "\t\twith c.f_('keep'):g=f.g_.result()\n"
    "\t\th,i=f.i_,f.i_.backend;c.notes+=f.notes;c.status.update(DC(h,a,f.texts));c.status['skipped_families']=list(f.au_);c.write();j=AI(ai_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.f_('load'):l=CU(f,g,b,d)\n"
    "\t\t\twith c.f_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.m_))\n'
    '\t\t\t\tif(n:=i.j_(m,f.w_.result())):raise GE(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    '\t\t\tHH(a.source,b,j,c)\n'
    "\t\t\twith c.f_('save'):o,p=i.ax_(f.texts,h.c_.e_,b.h_);c.notes+=p;q=FR(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.f_('enable'):CY(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.f_('roll back'):s=FH(c,h,g,j,k,d)\n"
    '\t\t\traise c.ad_(r,s)from r.__cause__\n'
    "\t\twith c.f_('disable others'):j.ae_();c.notes+=i.ap_(g,b.h_)if l else[];t=FG(f,b,c.notes,d);c.notes+=CW(h,b,c.u_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return V(c.status,ab_=not t)\n"
    "def CU(a,b,c,d):e,f=a.i_.backend,a.i_.c_.e_;g=all((J(f[h])or'').startswith(i)for(h,i)in a.m_.items());j,k=e.aa_(a.m_,b,a.w_.result,g,c.h_);e.load(j,k,[d]);return any(j.values())\n"
    'def FH(a,b,c,d,e,f):\n'
    '\tg=[];HK(d)\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):EP(h)\n'
    '\ttry:d.aw_();a.notes+=CZ([i for(i,j)in d.g_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {I(k)}")\n'
    '\ttry:\n'
    '\t\tif not CT(b,c):b.backend.ar_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not CT(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def CT(a,b):\n'
    '\ttry:return a.backend.at_(a.backend.dump(tuple(b)),b)\n'
    '\texcept B:return False\n'
    'def FG(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.h_:\n'
    '\t\tif(g:=GV(f,a.i_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.h_:\n'
    '\t\ttry:CU(a,a.i_.backend.dump(tuple(a.m_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.h_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    "BE='auto'\n"
    'def CO(a,b):\n'
    '\tif a in AD:return AM(a,b),\n'
    '\tc=HU(b);return tuple(AM(d,b)for d in sorted(AD,key=lambda e:e!=c))\n'
    'def HU(a):\n'
    '\tb=a.k_.o_\n'
    "\tfor c in('iptables','nftables'):\n"
    '\t\tif c in b and any(d in a.d_ for d in b[c].d_):return c\n'
    "\treturn'iptables'if 0<a.major<=a.k_.ag_ else'nftables'\n"
    'def HT(a,b):c=[d.backend.name for d in CO(BE,b)];return replace(a,candidates=tuple(sorted(a.candidates,key=lambda e:c.index(e.backend))))\n'
    "AR=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def GA(a,b,c=(),d=AB):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tDY()\n'
    '\t\tif not any(f.good for f in a.p_):\n'
    '\t\t\tg=DJ(a.p_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,h_=BZ())\n'
    "\t\twith e.f_('parse'):f=a.ao_()\n"
    '\t\treturn CV(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=DK(a.p_,b,h,e,d)\n'
    '\t\texcept Exception as j:return V({},[f"{I(j)}; and before it: {I(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,AG)and not any(l.am_ for l in h.problems);m=k and bool(i['services'])and not BZ();return V(i,BM(h),e.notes,m,isinstance(h,AE))\n"
    'def DK(a,b,c,d,e=AB):\n'
    "\tf,g=DJ(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':BM(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tDE(i)\n'
    "\tif'open'not in i:raise GG('nothing could close this host')\n"
    '\treturn i\n'
    'def DJ(a,b,c):\n'
    '\tfor(d,e)in FU(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def FU(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(FY,f,b,c))\n'
    '\t\tyield(d,partial(DI,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(DI,d,b,c,whole=False))\n'
    "def FY(a,b,c):return CV(a,b,c('first boot',())).status\n"
    'def DI(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(AD[f.backend].families)):\n'
    '\t\twith contextlib.suppress(B):return FV(a,e,b,c,d)\n'
    '\traise B\n'
    'def FV(a,b,c,d,e):\n'
    '\tf,g=AM(b.backend,c),b.texts;h=[];i=DC(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept B as l:\n'
    '\t\t\tif e and(j!=6 or c.t_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise B('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),BW()as m:h+=CW(f,c)\n'
    '\ttry:DA(f,g,a.fallback,AI(),h);CY(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {I(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def FZ(a,b,c,d,e=(),f=lambda:None,g=AB):\n'
    '\tdef h():\n'
    '\t\tp=a();q=GA(b(p),p,e,g)\n'
    '\t\tif not q.problems:\n'
    "\t\t\tfor r in q.status['notes']:AR.info('%s',r)\n"
    "\t\t\tAR.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(q)\n'
    '\tdef k():\n'
    '\t\ttry:return V(**DL(h))\n'
    '\t\texcept DH as p:q=p\n'
    "\t\tdef r():s,t=a(),AB('cloud-init',e);return asdict(V(DK(b(s).p_,s,q,t),[str(q)],t.notes))\n"
    '\t\treturn V(**DL(r))\n'
    '\tj,l,i=k(),J(CH),a();m=CO(c,i)\n'
    '\tfor n in(*m,*(o for o in CO(BE,i)if o not in m)):\n'
    '\t\tif FX(n,m,j):e=[*j.notes,FW(n,d,j,l)];j=k()\n'
    '\tif j.ab_:f()\n'
    '\tif not j.status:raise A(j.problems[0])\n'
    '\treturn[*j.problems]\n'
    'class DH(A):0\n'
    'def DL(a):\n'
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
    '\tif os.WIFSIGNALED(j)or not i:raise DH(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def GB():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def BK(a):\n'
    '\twith contextlib.suppress(AF):return bool(a.r_())\n'
    '\treturn False\n'
    'def FX(a,b,c):\n'
    '\tif not c.problems or BK(a):return False\n'
    '\tif c.v_:return a in b and(c.av_ or not any(map(BK,b)))\n'
    '\treturn True\n'
    'def FW(a,b,c,d):\n'
    '\te,f=a.c_.al_,CI()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:AR.info('%s could not be installed: %s',e,g)\n"
    '\t\tif BK(a):h=f"unprotected for up to {GB()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.v_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):X({CH:f},AI(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def ER(a):\n'
    '\tfor b in GM():\n'
    "\t\tif any(HZ(c,b)for c in a.get('trusted',())):return b\n"
    "\treturn''\n"
    "DM=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AS='vps_firewall'\n"
    'public=DD\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend',BE));return FZ(DO,lambda g:GC(e,d,g),f,b,(),c)\n"
    'def DO():return GK(frozenset())\n'
    'def GC(a,b,c):\n'
    "\td=DN();e,f,g=(HT(h,c)for h in map(ET,d['plans']));i=e.source['section'];j=[replace(e,name='the last good policy')]if GW()==i else[];j+=[f]if all(a.get(k)==i.get(k)for k in('ssh','lists'))else[];l=d['default_port']and[*b]!=['22']\n"
    '\tdef m():\n'
    '\t\tif l:n=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise AG([BL(f"{AS}.ssh",n)])\n'
    "\t\tif a!=i:raise AG([BL(AS,'is not what this bundle was made of; make it again')])\n"
    '\t\tif ER(e.source):n=f"{ER(e.source)} has the default route here, and is trusted; name networks";raise AG([BL(f"{AS}.allow",n)])\n'
    '\t\treturn e\n'
    '\treturn HW([]if l else[*j,g],m)\n'
    'def DN():\n'
    "\twith open(DM,encoding='utf-8')as a:return json.load(a,strict=False)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(P(BJ()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=S(AY)\n'
    "\t\tfor b in map(ET,DN()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=FM(b,str(a.get('backend')),DO());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {I(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
