"""The engine called iptables -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "616067f47abb11879255fba454160930f39c1bb5cbd117ac4e129d55c0841b17"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,socket,struct,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class BG:\n'
    '\tpath:0;ai_:0;al_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.ai_}"\n'
    'class A(Exception):exit_code=1\n'
    'class AC(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class AB(A):exit_code=3\n'
    'class AA(A):exit_code=4\n'
    'class FR(A):exit_code=5\n'
    'class FQ(A):exit_code=6\n'
    'class FP(A):0\n'
    'class C(AA):0\n'
    'class FS(A):0\n'
    'def H(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def BH(a):return[str(b)for b in a.problems]if isinstance(a,AC)else[H(a)]\n'
    'class HL:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'F=HL()\n'
    "BN='/run/vps-firewall.lock'\n"
    "BP='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'BO=60\n'
    '@dataclass\n'
    'class AE:\n'
    '\tf_:0=field(default_factory=dict);ah_:0=False\n'
    '\tdef av_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.f_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(E(c).j_):os.rename(E(c).j_,E(c).c_);N(c)\n'
    '\t\t\t\telse:GE(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ae_(a):\n'
    '\t\tfor b in a.f_:N(b)\n'
    'def DN(a,b,mode=384):return AQ({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def AQ(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tN(d);g,h=e.encode('utf-8','surrogateescape'),BQ(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;DL(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.ah_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(E(d).c_,E(d).j_)\n'
    '\t\tfor(d,h)in c.items():os.rename(E(d).n_,E(d).c_);b.f_.setdefault(d,h)\n'
    '\t\tDM(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.f_:N(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def GE(a,b,mode):N(a);DL(a,b,mode);os.rename(E(a).n_,E(a).c_);DM([a])\n'
    'def DP():os.sync()\n'
    'def GC(a,b):\n'
    '\twith open(a,\'r+\',encoding=\'ascii\')as c:c.write(f"{b}\\n")\n'
    'def N(a):\n'
    '\tfor b in(E(a).n_,E(a).j_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class FZ:c_:0;n_:0;j_:0\n'
    'def E(a):b=os.path.realpath(a);c,d=os.path.split(b);return FZ(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def DL(a,b,mode):\n'
    '\tc=E(a);d=os.path.dirname(c.c_)\n'
    '\ttry:\n'
    '\t\tDK(d)\n'
    "\t\tif os.path.exists(c.c_)and not os.path.isfile(c.c_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.n_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);DJ(f.fileno(),d,c.c_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:N(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def DJ(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def DK(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);DK(b);os.mkdir(a);os.chmod(a,493);DJ(a,b,b)\n'
    'def DM(a):\n'
    '\tfor b in{os.path.dirname(E(c).c_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def BQ(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    'def GA(a,b):\n'
    '\tN(a)\n'
    '\tif(c:=BQ(a))is not None:b.f_.setdefault(a,c);os.unlink(a)\n'
    'def GB(a,b):\n'
    '\tc=[]\n'
    '\tfor d in a:\n'
    '\t\tif os.path.lexists(F/d):c.append(f"removed {d.lstrip(\'/\')}")\n'
    '\t\tGA(F/d,b)\n'
    '\treturn c\n'
    "def I(a,b='replace'):c=BQ(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def P(a):\n'
    '\ttry:\n'
    "\t\twith open(F/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def U(a):\n'
    '\ttry:return sorted(os.listdir(F/a))\n'
    '\texcept OSError:return[]\n'
    'def GD(text,a):\n'
    '\tb=f\'include "{a}"\'\n'
    '\tif text is None:return f"""#!/usr/sbin/nft -f\n'
    '\n'
    'flush ruleset\n'
    '\n'
    '{b}\n'
    '"""\n'
    '\tif b in text.splitlines():return text\n'
    '\treturn f"{text if text.endswith(chr(10))or not text else text+chr(10)}{b}\\n"\n'
    "def T(a):return json.dumps(a,indent=1,sort_keys=True)+'\\n'\n"
    'def DO(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def O(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def BR():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(BN),exist_ok=True);a=os.open(BN,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+BO\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {BO} s; nothing was changed";raise FP(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "DS='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'BW=threading.local()\n'
    "def DV():a=[*DS,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def BX(a):return shutil.which(a,path=DV())or''\n"
    "def K(*a,text='',pass_fds=(),limit=0):return DT(DW(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def DW(*a,text='',pass_fds=()):\n"
    '\tif not text:return BV(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith BU(text)as b:return BV(a,b,pass_fds)\n'
    'def DT(a,b,c=0,limit=0):\n'
    '\td,e,f=GK(a,b,c,limit)\n'
    '\tif d:raise C(GL(b,d,f))\n'
    '\treturn e\n'
    'def GL(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def GK(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise C(f"{b} gave no answer in {d:.0f} s")from None\n'
    '\t\traise\n'
    "\treturn a.returncode,e.decode('utf-8','replace'),f.decode('utf-8','replace')\n"
    '@contextmanager\n'
    'def BU(text):\n'
    '\timport fcntl;a=text.encode();b,c=os.pipe()\n'
    '\ttry:fcntl.fcntl(c,1031,len(a)or 1)\n'
    "\texcept OSError:os.close(b);os.close(c);b=os.memfd_create('vps-firewall',os.MFD_CLOEXEC);c=os.dup(b)\n"
    '\ttry:\n'
    "\t\twith open(c,'wb')as d:d.write(a)\n"
    '\t\twith contextlib.suppress(OSError):os.lseek(b,0,os.SEEK_SET)\n'
    '\t\tyield b\n'
    '\tfinally:os.close(b)\n'
    'def BV(a,b,pass_fds):\n'
    '\tc=a[0]if os.path.isabs(a[0])else BX(a[0])\n'
    '\tif not c:raise C(f"{a[0]} is not installed")\n'
    "\td={'PATH':DV(),'LC_ALL':'C'}\n"
    "\tif getattr(BW,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise C(f"{a[0]}: {e.strerror}")from None\n'
    'def GM(a,pass_fds):\n'
    '\timport fcntl\n'
    '\twith contextlib.ExitStack()as b:c=b.enter_context(BU(\'\'));fcntl.flock(c,fcntl.LOCK_EX);d=\'flock\',\'--shared\',\'--timeout\',str(10),f"/proc/self/fd/{c}";e=[BV([*d,BX(f[0])or f[0],*f[1:]],b.enter_context(BU(g)),[c,*pass_fds])for(f,g)in a];fcntl.flock(c,fcntl.LOCK_UN)\n'
    '\tDU((h,f[0],len(g))for(h,(f,g))in zip(e,a))\n'
    'def DU(a):\n'
    '\tb,c=[],[]\n'
    '\tfor(d,e,f)in a:\n'
    '\t\ttry:b.append(DT(d,e,f))\n'
    '\t\texcept C as g:c.append(str(g))\n'
    "\tif c:raise C('; '.join(c))\n"
    '\treturn b\n'
    '@contextmanager\n'
    'def AS():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(GJ).result();yield a\n"
    'def GJ():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise AB(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tBW.alone=True\n'
    "EL='docker*','br-*','podman*','cni*','lxdbr*','incusbr*','lxcbr*','virbr*'\n"
    "EM='br-ex','br-lan','br-wan'\n"
    'def HK(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "def CG(a):return a.startswith(tuple(b.rstrip('*')for b in EL))\n"
    "S='vps-firewall.service'\n"
    "DH='/etc/vps-firewall'\n"
    "DG={0:'nft',4:'v4',6:'v6'}\n"
    "AO='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class AD:e_:0;d_:0=(S,);ak_:0='';q_:0='';fallback:0='';y_:0='';x_:0=False;am_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class BJ:\n'
    '\tname:0;af_:0=frozenset();s_:0=field(default_factory=dict)\n'
    '\tdef ag_(a,b,c):d={e:f"{DH}/rules.{DG[e]}"for e in c};return a.s_.get(b)or AD(d,ak_=b)\n'
    "BM='/etc/nftables/vps-firewall.nft'\n"
    "AN=BJ('other')\n"
    "DI=BJ('redhat',frozenset({'rhel','fedora','centos'}),s_={'iptables':AD({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',y_=AO+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':AD({0:BM},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',y_=AO)})\n"
    'DF=BJ(\'debian\',frozenset({\'debian\',\'ubuntu\'}),s_={\'iptables\':AD({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',am_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':AD({0:BM},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',y_=AO,x_=True)})\n'
    'BI={each.name:each for each in(DI,DF,AN)}\n'
    'BK=tuple(place for each in BI.values()for place in each.s_.values())\n'
    'BL=frozenset(unit for place in BK for unit in place.d_)|{S}\n'
    "DR='cloud-init-local.service'\n"
    "CF='/etc/systemd/system'\n"
    'def EG(a):b=os.path.realpath(F/os.devnull);return any(os.path.realpath(F/f"{c}/{a}")==b for c in BP)\n'
    'def X(a):return not EG(a)and any(a in U(f"etc/systemd/system/{b}")for b in U(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def HE(a,b,c,d):\n'
    '\tif c:return{f"{CF}/{S}":HB(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+ED;return{GZ(f):e+b.y_.replace('UNIT',f.partition('.')[0])for f in b.d_}\n"
    'def GZ(a):return f"{CF}/{a}.d/vps-firewall.conf"\n'
    'ED=f"[Unit]\\nBefore={DR}\\n"\n'
    'def HB(a,b,c):d=a.z_(b.e_,c);e=\'\'.join(f"After={f}\\n"for f in b.d_ if b.x_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def EE():return[]\n'
    "def HA(a):K('systemctl',*EE(),'enable',a)\n"
    "def GY(a):K('systemctl','disable',a,'--no-reload');K('systemctl','mask',a,'--no-reload')\n"
    'def HD(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):K('systemctl','stop',a)\n"
    "def EF(a):K('systemctl',*EE(),'disable',a)\n"
    'def HC():\n'
    "\tif os.path.isdir('/run/systemd/system'):K('systemctl','daemon-reload')\n"
    "AR='/etc/ufw/ufw.conf'\n"
    "AF={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    "DQ={'firewalld':'FWD','ufw':'ufw'}\n"
    'def BT():return tuple(a for a in AF if GG(a))\n'
    'def GG(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',P(AR)))\n'
    '\treturn X(AF[a])\n'
    'def BS(a):return tuple(DQ[b]for b in a)\n'
    'def GH(a,b):\n'
    '\tc=AF[a];d=[lambda:GY(c),lambda:HD(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:GF(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(H(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def GF(a):\n'
    "\tb=I(AR,'surrogateescape')or'';DN({AR:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},AE(),mode=None)\n"
    "\tif not a.shares_tables:K('ufw','--force','disable')\n"
    "Q='/var/lib/vps-firewall'\n"
    'BZ=f"{Q}/status-private.json"\n'
    'BY=f"{Q}/status.json"\n'
    'AT=f"{Q}/policy.json"\n'
    'AU=f"{Q}/services.json"\n'
    'CA=f"{Q}/tools"\n'
    "def CB():a=(I('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    "def GN():return frozenset(DO(O(AU),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class FT:v_:0=AN;major:0=0;d_:0=frozenset();aj_:0=frozenset();h_:0=();r_:0=True\n'
    "def FW(a):b=FV();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return FT(v_=next((d for d in BI.values()if d.af_&c),AN),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),d_=frozenset(e for e in BL if FU(e)),aj_=frozenset(e for e in BL if X(e))-a,h_=BT(),r_=os.path.exists(F/'proc/net/if_inet6'))\n"
    'def FU(a):b=any(a in U(c)for c in BP);d=[e for f in BK if a in f.d_ for e in f.am_];return b and all(os.path.exists(F/e)for e in d)and not EG(a)\n'
    'def FX():return tuple(a for(b,a)in socket.if_nameindex())\n'
    'def FY():return tuple(dict.fromkeys(a for(b,a)in AP()))\n'
    "def AP():a=[b.split()for b in P('proc/net/route').splitlines()];c=[(4,d[0])for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in P('proc/net/ipv6_route').splitlines()];c+=[(6,d[-1])for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e[1]!='lo'))\n"
    'def FV():a=P(\'etc/os-release\')or P(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    "AH={4:'net/ipv4/ip_forward',6:'net/ipv6/conf/all/forwarding'}\n"
    "AG='/etc/sysctl.d/99-vps-firewall.conf'\n"
    'V=f"{Q}/forwarding.json"\n'
    "AI,AV='/etc/systemd/network','vps-firewall-forwarding.conf'\n"
    'DZ,DX=35091,1\n'
    'CC=5.\n'
    "DY='lo','veth','vnet','tap'\n"
    "def EC(a,b):c=a.get('forward');return tuple(d for d in c if d==4 or b.r_)if isinstance(c,(list,tuple))else()\n"
    'def GV(a,b,c,d):\n'
    '\te=EA();f=GT(EC(a,b),e);f+=GR(e,f,d);g=[h for h in f if AX(h)!=AW(h)];i={h:e.get(h)or AX(h)for h in f if h in e or h in g};j=AP();GU(f,i,c)\n'
    '\tfor h in sorted(g,key=W):CE(h,AW(h))\n'
    '\tfor h in sorted(e.keys()-i.keys(),key=W,reverse=True):CE(h,e[h])\n'
    '\tif any(map(W,g))and j:\n'
    '\t\ttime.sleep(CC);k=AP()\n'
    '\t\tif(l:=dict.fromkeys(m[1]for m in j if m not in k)):raise A(f"the default route by {\' and \'.join(l)} was gone {CC:.0f} s after forwarding was switched on; a static route, or accept_ra=2 in what configures that interface, would stay")\n'
    'def GX(a):\n'
    '\tif V not in a.f_:return\n'
    '\tb=a.f_[V];c,d=EB(json.loads(b[0])if b else{}),EA();e=[(f,d[f])for f in sorted(d.keys()-c.keys(),key=W,reverse=True)]\n'
    '\tfor(f,g)in[*e,*((f,AW(f))for f in sorted(c.keys()-d.keys(),key=W))]:\n'
    '\t\twith contextlib.suppress(A):CE(f,g)\n'
    'def GW(a,b,c):\n'
    "\td=I(AG)or''\n"
    '\tfor e in(AH[f]for f in EC(a,b)):c+=[f"+kernel {CD(e)} = 1"]if AX(e)!=\'1\'else[];c+=[f"+{AG} {CD(e)} = 1"]if f"{e} = 1\\n"not in d else[]\n'
    'def GT(a,b):return[*(GO(b)if 6 in a else[]),*(AH[c]for c in a)]\n'
    'def GO(a):\n'
    '\tb=[]\n'
    "\tfor c in sorted(U('proc/sys/net/ipv6/conf')):\n"
    '\t\td=f"net/ipv6/conf/{c}/accept_ra"\n'
    "\t\tif c=='all'or c.startswith(DY)or CG(c):continue\n"
    "\t\tif d in a or AX(d)=='1':b.append(d)\n"
    '\treturn b\n'
    'def GR(a,b,c):\n'
    '\td=[e for e in a if e not in b];f=[e for e in FX()if CG(e)and GQ(e)]if d else[]\n'
    '\tif not f:return[]\n'
    '\tc.append(f"forwarding stays on, which an earlier policy switched on: {\' and \'.join(f)} may need it");return d\n'
    'def GQ(a):\n'
    '\timport fcntl\n'
    "\twith socket.socket(socket.AF_INET,socket.SOCK_DGRAM)as b,contextlib.suppress(OSError):c=fcntl.ioctl(b,DZ,struct.pack('16s16x',a.encode()));return bool(struct.unpack_from('16xH',c)[0]&DX)\n"
    '\treturn False\n'
    'def W(a):return a in AH.values()\n'
    "def AW(a):return'1'if W(a)else'2'\n"
    "def CD(a):return a.replace('.','\\x00').replace('/','.').replace('\\x00','/')\n"
    'def EA():return EB(O(V))\n'
    'def EB(a):return{b:str(c)for(b,c)in a.items()}\n'
    'def GU(a,b,c):\n'
    '\tif not a:GB([V,AG,*GP()],c);return\n'
    '\td=\'# Made by vps-firewall, for what its policy forwards. Changes here are lost.\\n\';e={V:(T(b),384),AG:(d+\'\'.join(f"{f} = {AW(f)}\\n"for f in a),420)}\n'
    '\tif AH[6]in a:e.update(dict.fromkeys(GS(),(f"{d}[Network]\\nIPv6AcceptRA=yes\\n",420)))\n'
    '\tAQ(e,c)\n'
    'def GS():\n'
    '\tfor(a,b)in AP():\n'
    '\t\tc=P(f"run/systemd/netif/links/{socket.if_nametoindex(b)}")if a==6 else\'\'\n'
    '\t\tif(d:=re.search(\'(?m)^NETWORK_FILE=\\\\S*/([^/\\\\s]+\\\\.network)$\',c)):yield f"{AI}/{d[1]}.d/{AV}"\n'
    'def GP():a=[b for b in U(AI)if b.endswith(\'.network.d\')];return[f"{AI}/{b}/{AV}"for b in a if AV in U(f"{AI}/{b}")]\n'
    'def AX(a):return P(f"proc/sys/{a}").strip()\n'
    'def CE(a,b):\n'
    "\tc=os.path.join('/proc/sys',a)\n"
    '\ttry:GC(c,b)\n'
    '\texcept FileNotFoundError:return\n'
    '\texcept OSError as d:raise A(f"{c} cannot be written ({d.strerror}), as in a container; whoever runs it has to set {CD(a)} = {b}")from None\n'
    '@dataclass(frozen=True)\n'
    'class HG:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class HI:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class HH:m_:0;an_:0\n'
    "def EK(a):b=tuple(HG(c['backend'],EJ(c['texts']))for c in a['candidates']);return HI(a['name'],b,EJ(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def EJ(a):return{int(b):c for(b,c)in a.items()}\n'
    "CH='vps-firewall'\n"
    "B='VPSFW-'\n"
    "EN=B+'LIST-'\n"
    "M={'mangle':('forward',),'filter':('input','forward','output')}\n"
    "D={'nat':('prerouting','postrouting')}\n"
    '@dataclass\n'
    'class J:b_:0=field(default_factory=dict);a_:0=field(default_factory=dict)\n'
    'def L(a):\n'
    '\tb={};c=J();d=c.a_\n'
    "\tfor e in a.split('\\n'):\n"
    "\t\tif e.startswith('-A '):\n"
    "\t\t\tf,g,h=e[3:].partition(' ')\n"
    '\t\t\tif f not in d:d[f]=[]\n'
    '\t\t\td[f].append(h.rstrip())\n'
    "\t\telif e.startswith('*'):c=b.setdefault(e[1:].strip(),J());d=c.a_\n"
    "\t\telif e.startswith(':'):i,j=e[1:].split()[:2];c.b_[i]=j;d[i]=[]\n"
    '\treturn b\n'
    'def BA(a):\n'
    '\tb={}\n'
    '\tfor c in f"\\n{a}".split(\'\\n*\')[1:]:\n'
    "\t\td,e,f=c.partition('\\n-A ');g,e,d=d.partition('\\n')\n"
    '\t\tif g in M or g in D and HV(f"\\n{c}"):b[g]=re.sub(\'\\\\[\\\\d+:\\\\d+\\\\]\',\'\',d),f[:f.rfind(\'\\nCOMMIT\')]\n'
    '\treturn b\n'
    'def G(a):return f\'--comment "{CH} \'in a or f"-j {B}"in a and BC(a).startswith(B)\n'
    'def HV(a):return f"\\n:{B}"in a or G(a)\n'
    'def ER(a,b,c=()):\n'
    '\td=BC(b)\n'
    "\tif CJ(b)or a.b_.get(d)=='-'and not d.startswith((B,*c)):return True\n"
    "\te=re.findall('(?:^| )-[io] (\\\\S+)',AZ(b));return any(CG(f)and f not in EM for f in e)\n"
    'def CJ(a):return bool(EP.search(f" {AZ(a)}"))\n'
    "EP=re.compile('(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\\\\b|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\\\\b')\n"
    "def BC(a):b=re.search('(?:^| )-[jg] (\\\\S+)',AZ(a));return b[1]if b else''\n"
    'def AZ(a):return re.sub(\'"(?:\\\\\\\\.|[^"\\\\\\\\])*"\',\'""\',a)\n'
    'def BB(a,b,c,d=()):\n'
    '\tif G(c)or a in D:return False\n'
    "\treturn BC(c)in('ACCEPT','RETURN')if a=='mangle'else not ER(b,c,d)\n"
    'def HY(a,b=()):return[f"{c} {d.upper()} {e}"for(c,f)in CI(a).items()for d in M.get(c,())for e in f.a_.get(d.upper(),())if BB(c,f,e,b)]\n'
    'def CI(a):return L(\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {B}")))\n'
    "def HX(a):return any(b.b_.get(c)=='-'and not c.startswith(B)or any(not G(d)for d in e)for(f,b)in CI(a).items()if f in M or f in D for(c,e)in b.a_.items())\n"
    "def ES(text):return all(EQ.match(a)or G(a)for a in text.split('\\n'))\n"
    'EQ=re.compile(rf"\\s*$|#|\\*|COMMIT\\b|:(?:{B}|\\w+ ACCEPT\\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {B}")\n'
    "def HW(a):return bool(re.search('--\\\\w+-set ',AZ(a)))\n"
    'def HS(a,b,c=()):\n'
    "\tif BA(a)==BA(b):return''\n"
    "\td,e=L(a),L(b);return''.join(HQ(f,d.get(f,J()),HP(f,d,e),c)for f in(*M,*D))\n"
    'def HP(a,b,c):\n'
    '\tif a in c or a not in D:return c.get(a,J())\n'
    "\treturn J({d.upper():'ACCEPT'for d in D[a]if a in b},{e.upper():[]for e in D[a]})\n"
    'def HQ(a,b,c,d):\n'
    '\te,f,g,h=[],[],[],[];i={}\n'
    '\tfor(j,k)in c.b_.items():\n'
    "\t\tif k=='-':\n"
    '\t\t\tif j.startswith(B)and b.a_.get(j)!=c.a_[j]:\n'
    '\t\t\t\tl=[f"-A {j} {m}\\n"for m in c.a_[j]]\n'
    '\t\t\t\tif j.startswith(EN):i[j]=l\n'
    '\t\t\t\telse:e.append(f":{j} - [0:0]\\n");g+=l\n'
    '\t\t\tcontinue\n'
    '\t\tn,o=b.a_.get(j,[]),[p for p in c.a_[j]if G(p)];q=[p for p in n if BB(a,b,p,d)];r=any(G(p)and any(map(CJ,n[s:]))for(s,p)in enumerate(n))\n'
    '\t\tif a not in D and k!=b.b_.get(j,\'ACCEPT\'):e.append(f":{j} {k} [0:0]\\n")\n'
    '\t\tif q or r or[p for p in n if G(p)]!=o:f+=[f"-D {j} {p}\\n"for p in n if G(p)or p in q];g+=[f"-A {j} {p}\\n"for p in o]\n'
    '\tfor j in b.b_:\n'
    '\t\tif j.startswith(B)and j not in c.b_:i[j]=[];h.append(f"-X {j}\\n")\n'
    '\tfor j in sorted(i,reverse=True):f+=[f":{j} - [0:0]\\n",*i[j]]\n'
    '\tt=[*e,*f,*g,*h];return f"*{a}\\n{\'\'.join(t)}COMMIT\\n"if t else\'\'\n'
    'def HR(a,b):\n'
    '\tif BA(a)==BA(b):return[]\n'
    '\tc,d=L(a),L(b);e=[]\n'
    '\tfor f in(*M,*D):\n'
    '\t\tg,h=c.get(f,J()),d.get(f,J())\n'
    '\t\tfor(i,j)in h.b_.items():\n'
    "\t\t\tk=g.b_.get(i,'ACCEPT')\n"
    '\t\t\tif j not in(\'-\',k)and f not in D:e+=[f"-{f} {i} policy {k}",f"+{f} {i} policy {j}"]\n'
    '\t\tfor i in dict.fromkeys([*h.b_,*g.b_]):\n'
    "\t\t\tif h.b_.get(i)=='-'or i.startswith(B):l=g.a_.get(i)\n"
    '\t\t\telif i not in h.b_:continue\n'
    '\t\t\telse:l=[m for m in g.a_.get(i,[])if G(m)or BB(f,g,m)]\n'
    '\t\t\tif l!=h.a_.get(i):e+=HN(f"{f} {i}",l,h.a_.get(i))\n'
    '\treturn e\n'
    'def HN(a,b,c):d,e=set(b or()),set(c or());f=[g for g in c or()if g not in d];h=[g for g in b or()if g not in e];i=[f"-{a} {g}"for g in h]+[f"+{a} {g}"for g in f];return i or[f"+{a} (its rules in another order)"if b is not None else f"+{a} (chain)"]\n'
    'def HT(a,b):\n'
    '\tc,d=L(a),L(b);e=[]\n'
    '\tfor(f,g)in{**M,**D}.items():\n'
    '\t\tif f in D and not(EO(f,c)or EO(f,d)):continue\n'
    '\t\th,i=c.get(f,J()),d.get(f,J());j={k for k in h.b_ if b and k not in i.b_ and not k.startswith(B)}\n'
    '\t\tfor(l,m)in i.a_.items():\n'
    "\t\t\tif i.b_.get(l)!='-':n=[o for o in h.a_.get(l,[])if G(o)or o in m or not(BC(o)in j or CJ(o))];h.a_[l]=[o for o in m if not G(o)and ER(i,o)and o not in n]+n\n"
    "\t\t\telif not l.startswith(B):h.b_[l],h.a_[l]='-',m\n"
    '\t\tfor l in j:h.b_.pop(l),h.a_.pop(l)\n'
    '\t\tp={q.upper():\'ACCEPT\'for q in g}|h.b_;e.append(f"*{f}\\n");e+=[f":{l} {r} [0:0]\\n"for(l,r)in p.items()];e+=[f"-A {l} {s}\\n"for(l,m)in h.a_.items()for s in m];e.append(\'COMMIT\\n\')\n'
    "\treturn''.join(e)\n"
    'def EO(a,b):c=b.get(a,J());return any(d.startswith(B)or any(map(G,e))for(d,e)in c.a_.items())\n'
    'def HU(text,a,b=()):\n'
    '\tfor(c,d)in HO(a,b).items():e,f,g=text.partition(f"*{c}\\n");h,i,j=g.partition(\'-A \');text=f"{e}*{c}\\n{h}{\'\'.join(d)}{i}{j}";text+=\'\'if f else\'COMMIT\\n\'\n'
    '\treturn text\n'
    'def HO(a,b=()):\n'
    '\tc={}\n'
    '\tfor(d,e)in sorted(CI(a).items()):\n'
    '\t\tf=[g.upper()for g in{**M,**D}.get(d,())];h=[i for i in e.a_ if not i.startswith((B,*b))];j=[f"-A {i} {k}\\n"for i in h for k in e.a_[i]if not(G(k)or i in f and BB(d,e,k,b))]\n'
    '\t\tif j:l=[i for i in h if i in e.b_ and i not in f];c[d]=[f":{i} {e.b_[i]} [0:0]\\n"for i in l]+j\n'
    '\treturn c\n'
    'CW=60\n'
    "AJ={4:'iptables-restore',6:'ip6tables-restore'}\n"
    "Z={4:'iptables-save',6:'ip6tables-save'}\n"
    'class FF:\n'
    "\tname='iptables';families=4,6;shares_tables=True;o_=*AJ.values(),*Z.values(),'flock'\n"
    '\tdef z_(a,b,c):return[f"{c[d]} -w {CW} {b[e]}"for(e,d)in AJ.items()]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\td=[([AJ[e],*(['--noflush']if e in c else[]),'-w',str(10)],f)for(e,f)in b.items()if f]\n"
    '\t\tif len(d)>1:GM(d,pass_fds)\n'
    '\t\telse:\n'
    '\t\t\tfor(g,f)in d:K(*g,text=f,pass_fds=pass_fds)\n'
    '\tdef dump(a,b):\n'
    '\t\tc=[(DW(Z[d]),Z[d],0)for d in b];e=dict(zip(b,DU(c)))\n'
    '\t\tfor(d,f)in e.items():\n'
    '\t\t\tg=f.splitlines()\n'
    '\t\t\tif f.strip()and(\'*\'not in f or not all(h[:1]in\'#*:-C[\'for h in g if h)):raise C(f"{Z[d]} printed something that is not a dump")\n'
    '\t\treturn e\n'
    '\tdef aq_(a,b,pass_fds=()):\n'
    '\t\tc={}\n'
    '\t\twith contextlib.suppress(C):c=a.dump(tuple(b))\n'
    "\t\ta.load({d:HT(e,c.get(d,''))for(d,e)in b.items()},(),pass_fds)\n"
    '\tdef aa_(a,b,c,d,e,h_):\n'
    '\t\tf,g=dict(b),[];h=d()\n'
    '\t\tfor(i,j)in c.items():\n'
    '\t\t\tk=len(j)+len(f[i])<200000 or HX(j)\n'
    "\t\t\tif'-A 'in j and(k or e):\n"
    '\t\t\t\tl=HS(j,h[i],BS(h_))\n'
    '\t\t\t\tif k or not l:f[i]=l\n'
    '\t\t\tif k:g.append(i)\n'
    '\t\treturn f,g\n'
    '\tdef p_(a,b,c):return[f"{d[0]}IPv{e} {d[1:]}"for(e,f)in c.items()for d in HR(b.get(e,\'\'),f)]\n'
    '\tdef ar_(a,b,c):return all(L(b[d])==L(e)for(d,e)in c.items())\n'
    '\tdef ao_(a,b,h_):c=[f"IPv{d} {e}"for(d,f)in b.items()for e in HY(f,BS(h_))];g=[re.sub(\'( -[sd]|-range) \\\\S+\',\'\\\\1 ...\',e)for e in c[:6]];h=[f"and {len(c)-len(g)} more"]if len(c)>len(g)else[];return[f"rules of others that were taken out: {\'; \'.join(g+h)}"]if c else[]\n'
    '\tdef aw_(a,b,c,h_):\n'
    '\t\td,e=dict(b),[]\n'
    '\t\tfor(f,g)in c.items():\n'
    "\t\t\th=(I(g)or'').split('\\n');i=[j for j in h if not HW(j)]\n"
    "\t\t\tif ES('\\n'.join(i)):continue\n"
    '\t\t\ttry:\n'
    "\t\t\t\twith AS()as k:k.submit(a.load,{f:'\\n'.join(i)}).result();l=k.submit(a.dump,(f,)).result()[f];m=HU(b[f],l,BS(h_));k.submit(a.load,{f:m}).result()\n"
    '\t\t\t\td[f]=m\n'
    '\t\t\t\tif len(i)<len(h):e.append(f"{g}: rules that name a set were left out: at boot it is not there")\n'
    '\t\t\texcept A as n:e.append(f"{g} could not be loaded, and nothing in it was kept: {n}")\n'
    '\t\treturn d,e\n'
    'AK={each.name:each for each in(FF(),)}\n'
    'def HF(a):return BX(a)\n'
    '@dataclass(frozen=True)\n'
    'class HJ:\n'
    '\tbackend:0;c_:0;l_:0=False\n'
    '\t@property\n'
    '\tdef d_(a):return(S,)if a.l_ else a.c_.d_\n'
    '\tdef o_(a,b=F):\n'
    '\t\tc={d:HF(d)for d in a.backend.o_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise AB(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def AY(a,b):c=AK[a];d=b.v_.ag_(a,c.families);e=b.d_&b.aj_ if d.x_ else b.d_;return HJ(c,d,S in d.d_ or not e.issuperset(d.d_))\n'
    'def HM(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "def GI():a,b=O(AT),CB();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def EV(a,b):\n'
    '\tc={}\n'
    '\tfor(d,(e,f))in a.items():\n'
    "\t\tg=I(d,'surrogateescape')\n"
    '\t\tif f is None or g is None or not EW(g):continue\n'
    "\t\th=d+'.before-vps-firewall'\n"
    "\t\twhile I(h,'surrogateescape')not in(None,g):h+='~'\n"
    '\t\tc[h]=g,384;b.append(f"{d} was not ours: what stood there is in {h}")\n'
    '\treturn c\n'
    'def EW(text):return CH not in text and not ES(text)\n'
    "def FE(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':CB()if c.good else''};h={*GN(),*(i for i in a.d_ if not X(i))};j={*DO(O(AU),'disabled'),*(AF[k]for k in d.h_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AT:(T(g),384),AU:(T(l),384)};return CR(a,b,c.fallback,e,f,also=m)\n"
    'def CR(a,b,fallback,c,d,also=None):\n'
    '\te=a.c_;f=HE(a.backend,e,a.l_,a.o_(F));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.e_.items()}\n'
    '\tif not a.l_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.e_.items()})\n'
    "\tif not a.l_ and e.q_:l=I(F/e.q_,'surrogateescape');j[e.q_]=GD(l,e.e_[0]),None\n"
    '\tm=EV({**j,**g},d);n={**m,**j,**g,**(also or{})};o=AQ({F/h:p for(h,p)in n.items()},c);d+=CQ(o)\n'
    '\tif any(h in o for h in g):HC()\n'
    '\treturn o\n'
    'def FD(a,b):c=[d for d in b.v_.s_.values()if d.e_!=a.c_.e_];e=[f for d in c for f in d.d_];return[f for f in e if f not in a.d_ and X(f)]\n'
    'def CP(a,b):\n'
    '\tfor c in a.d_:\n'
    '\t\tif not X(c):b.append(c);HA(c)\n'
    '\tif b:DP()\n'
    'def CQ(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):K('restorecon',*a,limit=3.)\n"
    '\texcept C as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def CN(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in FD(a,b):EF(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {H(f)}")\n'
    '\treturn d\n'
    "CS='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def BE():return O(BZ)or O(BY)\n'
    'def CV(a):\n'
    '\tb={c:CU(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',T({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):AQ({BZ:(T(a),384),BY:(d,420)},AE())\n'
    "def CU(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def CT(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.c_.e_.values()),'services':list(a.d_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class Y:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.t_=BE();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
    '\t@contextlib.contextmanager\n'
    '\tdef g_(a,b):\n'
    '\t\tc=time.monotonic()\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException:a.failed_in=a.failed_in or b;raise\n'
    '\t\tfinally:a.steps[b]=round(time.monotonic()-c,4)\n'
    '\t@contextlib.contextmanager\n'
    '\tdef ap_(a):\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException as b:a.ac_(b);raise\n'
    '\t\tfinally:a.write()\n'
    "\tdef ac_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':BH(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.t_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in CS if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];CV(a.status)\n"
    '\tdef ad_(a,b,c):\n'
    '\t\tif c:return A(f"{H(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,AA)and a.failed_in==\'load\':return AA(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return FR(f"{H(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class FA:i_:0;texts:0;k_:0;at_:0;w_:0;f_:0;notes:0\n'
    'def FC(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in FB(a,b):\n'
    '\t\tj=AY(g,b);k=j.backend\n'
    "\t\ttry:j.o_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(AS());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(CO,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return FA(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(map(str,e))\n"
    '\tif all(isinstance(t,AB)for t in e):raise AB(s)\n'
    '\traise AA(f"{s}; nothing was changed")\n'
    'def FB(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.r_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def CO(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(BD)-c[f].count(BD))for(f,e)in b.items())):raise C(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'BD=\'comment "\'\n'
    'def EZ(a,b,c):\n'
    "\td=AY(b,c);e,f=d.backend,next(g.texts for g in a.candidates if g.backend==b);h=BE().get('skipped_families',());i=[]\n"
    '\twith BR(),AS()as j:\n'
    '\t\tk={l:m for(l,m)in f.items()if l not in h};j.submit(e.load,k).result();n=j.submit(CO,e,k).result()\n'
    '\t\tfor(l,o)in d.c_.e_.items():i+=EX(e,l,o,f[l],n)\n'
    '\t\tp=[q for q in d.d_ if not X(q)];i+=[f"+{q} enabled: nothing loads the rules at boot"for q in p];i+=EY(e.p_(e.dump(tuple(k)),n))\n'
    '\tGW(a.source,c,i);return i\n'
    'def EX(a,b,c,text,d):\n'
    '\te=I(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith AS()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept C as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.p_(g,{b:d[b]})\n'
    '\telse:i=HM(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def EY(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class R:\n'
    '\tstatus:0;problems:0=();notes:0=();ab_:0=False;au_:0=False\n'
    '\t@property\n'
    "\tdef u_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def CM(a,b,c=None):\n'
    '\tc=c or Y()\n'
    '\twith BR()as d,c.ap_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.g_('rehearse'):f=FC(a,b,e)\n"
    "\t\twith c.g_('keep'):g=f.f_.result()\n"
    "\t\th,i=f.i_,f.i_.backend;c.notes+=f.notes;c.status.update(CT(h,a,f.texts));c.status['skipped_families']=list(f.at_);c.write();j=AE(ah_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.g_('load'):l=CL(f,g,b,d)\n"
    "\t\t\twith c.g_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.k_))\n'
    '\t\t\t\tif(n:=i.p_(m,f.w_.result())):raise FQ(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    '\t\t\tGV(a.source,b,j,c.notes)\n'
    "\t\t\twith c.g_('save'):o,p=i.aw_(f.texts,h.c_.e_,b.h_);c.notes+=p;q=FE(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.g_('enable'):CP(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.g_('roll back'):s=EU(c,h,g,j,k,d)\n"
    '\t\t\traise c.ad_(r,s)from r.__cause__\n'
    "\t\twith c.g_('disable others'):j.ae_();c.notes+=i.ao_(g,b.h_)if l else[];t=ET(f,b,c.notes,d);c.notes+=CN(h,b,c.t_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return R(c.status,ab_=not t)\n"
    "def CL(a,b,c,d):e,f=a.i_.backend,a.i_.c_.e_;g=all((I(f[h])or'').startswith(i)for(h,i)in a.k_.items());j,k=e.aa_(a.k_,b,a.w_.result,g,c.h_);e.load(j,k,[d]);return any(j.values())\n"
    'def EU(a,b,c,d,e,f):\n'
    '\tg=[];GX(d)\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):EF(h)\n'
    '\ttry:d.av_();a.notes+=CQ([i for(i,j)in d.f_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {H(k)}")\n'
    '\ttry:\n'
    '\t\tif not CK(b,c):b.backend.aq_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not CK(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def CK(a,b):\n'
    '\ttry:return a.backend.ar_(a.backend.dump(tuple(b)),b)\n'
    '\texcept C:return False\n'
    'def ET(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.h_:\n'
    '\t\tif(g:=GH(f,a.i_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.h_:\n'
    '\t\ttry:CL(a,a.i_.backend.dump(tuple(a.k_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.h_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    'def EI(a):return tuple(AY(b,a)for b in AK)\n'
    "AL=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def FM(a,b,c=(),d=Y):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tDP()\n'
    '\t\tif not any(f.good for f in a.m_):\n'
    '\t\t\tg=CZ(a.m_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,h_=BT())\n'
    "\t\twith e.g_('parse'):f=a.an_()\n"
    '\t\treturn CM(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=DA(a.m_,b,h,e,d)\n'
    '\t\texcept Exception as j:return R({},[f"{H(j)}; and before it: {H(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,AC)and not any(l.al_ for l in h.problems);m=k and bool(i['services'])and not BT();return R(i,BH(h),e.notes,m,isinstance(h,AA))\n"
    'def DA(a,b,c,d,e=Y):\n'
    "\tf,g=CZ(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':BH(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tCV(i)\n'
    "\tif'open'not in i:raise FS('nothing could close this host')\n"
    '\treturn i\n'
    'def CZ(a,b,c):\n'
    '\tfor(d,e)in FG(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def FG(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(FK,f,b,c))\n'
    '\t\tyield(d,partial(CY,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(CY,d,b,c,whole=False))\n'
    "def FK(a,b,c):return CM(a,b,c('first boot',())).status\n"
    'def CY(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(AK[f.backend].families)):\n'
    '\t\twith contextlib.suppress(C):return FH(a,e,b,c,d)\n'
    '\traise C\n'
    'def FH(a,b,c,d,e):\n'
    '\tf,g=AY(b.backend,c),b.texts;h=[];i=CT(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept C as l:\n'
    '\t\t\tif e and(j!=6 or c.r_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise C('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),BR()as m:h+=CN(f,c)\n'
    '\ttry:CR(f,g,a.fallback,AE(),h);CP(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {H(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def FL(a,b,c,d=(),e=lambda:None,f=Y):\n'
    '\tdef g():\n'
    '\t\to=a();p=FM(b(o),o,d,f)\n'
    '\t\tif not p.problems:\n'
    "\t\t\tfor q in p.status['notes']:AL.info('%s',q)\n"
    "\t\t\tAL.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(p)\n'
    '\tdef j():\n'
    '\t\ttry:return R(**DB(g))\n'
    '\t\texcept CX as o:p=o\n'
    "\t\tdef q():r,s=a(),Y('cloud-init',d);return asdict(R(DA(b(r).m_,r,p,s),[str(p)],s.notes))\n"
    '\t\treturn R(**DB(q))\n'
    '\ti,k,h=j(),I(CA),a();l=EI(h)\n'
    '\tfor m in(*l,*(n for n in EI(h)if n not in l)):\n'
    '\t\tif FJ(m,l,i):d=[*i.notes,FI(m,c,i,k)];i=j()\n'
    '\tif i.ab_:e()\n'
    '\tif not i.status:raise A(i.problems[0])\n'
    '\treturn[*i.problems]\n'
    'class CX(A):0\n'
    'def DB(a):\n'
    '\tb,c=os.pipe();d=os.fork()\n'
    '\tif d==0:\n'
    '\t\ttry:\n'
    '\t\t\tos.close(b)\n'
    '\t\t\ttry:e=[True,a()]\n'
    '\t\t\texcept BaseException as f:e=[False,H(f)]\n'
    "\t\t\twith open(c,'w',encoding='utf-8')as g:json.dump(e,g)\n"
    '\t\tfinally:os._exit(0)\n'
    '\tos.close(c)\n'
    "\twith open(b,encoding='utf-8')as h:i=h.read()\n"
    '\tj=os.waitpid(d,0)[1]\n'
    '\tif os.WIFSIGNALED(j)or not i:raise CX(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def FN():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def BF(a):\n'
    '\twith contextlib.suppress(AB):return bool(a.o_())\n'
    '\treturn False\n'
    'def FJ(a,b,c):\n'
    '\tif not c.problems or BF(a):return False\n'
    '\tif c.u_:return a in b and(c.au_ or not any(map(BF,b)))\n'
    '\treturn True\n'
    'def FI(a,b,c,d):\n'
    '\te,f=a.c_.ak_,CB()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:AL.info('%s could not be installed: %s',e,g)\n"
    '\t\tif BF(a):h=f"unprotected for up to {FN()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.u_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):DN({CA:f},AE(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def EH(a):\n'
    '\tfor b in FY():\n'
    "\t\tif any(HK(c,b)for c in a.get('trusted',())):return b\n"
    "\treturn''\n"
    "DC=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AM='vps_firewall'\n"
    'public=CU\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend','auto'));return FL(DE,lambda g:FO(e,d),b,(),c)\n"
    'def DE():return FW(frozenset())\n'
    'def FO(a,b):\n'
    "\tc=DD();d,e,f=(g for g in map(EK,c['plans']));h=d.source['section'];i=[replace(d,name='the last good policy')]if GI()==h else[];i+=[e]if all(a.get(j)==h.get(j)for j in('ssh','lists'))else[];k=c['default_port']and[*b]!=['22']\n"
    '\tdef l():\n'
    '\t\tif k:m=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise AC([BG(f"{AM}.ssh",m)])\n'
    "\t\tif a!=h:raise AC([BG(AM,'is not what this bundle was made of; make it again')])\n"
    '\t\tif EH(d.source):m=f"{EH(d.source)} has the default route here, and is trusted; name networks";raise AC([BG(f"{AM}.allow",m)])\n'
    '\t\treturn d\n'
    '\treturn HH([]if k else[*i,f],l)\n'
    'def DD():\n'
    "\twith open(DC,encoding='utf-8')as a:return json.load(a)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(T(BE()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=O(AT)\n'
    "\t\tfor b in map(EK,DD()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=EZ(b,str(a.get('backend')),DE());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {H(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
