"""The engine called iptables -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "cfe83c335cfe5c4d1d1d92ef20419c9bfb248530d56ef44af6fcff4a8efc5322"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,socket,struct,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class BH:\n'
    '\tpath:0;ai_:0;al_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.ai_}"\n'
    'class A(Exception):exit_code=1\n'
    'class AD(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class AC(A):exit_code=3\n'
    'class AB(A):exit_code=4\n'
    'class FU(A):exit_code=5\n'
    'class FT(A):exit_code=6\n'
    'class FS(A):0\n'
    'class C(AB):0\n'
    'class FV(A):0\n'
    'def I(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def BI(a):return[str(b)for b in a.problems]if isinstance(a,AD)else[I(a)]\n'
    'class HO:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'F=HO()\n'
    "BO='/run/vps-firewall.lock'\n"
    "BQ='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'BP=60\n'
    '@dataclass\n'
    'class AF:\n'
    '\tf_:0=field(default_factory=dict);ah_:0=False\n'
    '\tdef av_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.f_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(E(c).j_):os.rename(E(c).j_,E(c).c_);O(c)\n'
    '\t\t\t\telse:GH(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ae_(a):\n'
    '\t\tfor b in a.f_:O(b)\n'
    'def DO(a,b,mode=384):return AS({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def AS(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tO(d);g,h=e.encode('utf-8','surrogateescape'),BR(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;DM(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.ah_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(E(d).c_,E(d).j_)\n'
    '\t\tfor(d,h)in c.items():os.rename(E(d).n_,E(d).c_);b.f_.setdefault(d,h)\n'
    '\t\tDN(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.f_:O(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def GH(a,b,mode):O(a);DM(a,b,mode);os.rename(E(a).n_,E(a).c_);DN([a])\n'
    'def DQ():os.sync()\n'
    'def GF(a,b):\n'
    '\twith open(a,\'r+\',encoding=\'ascii\')as c:c.write(f"{b}\\n")\n'
    'def O(a):\n'
    '\tfor b in(E(a).n_,E(a).j_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class GC:c_:0;n_:0;j_:0\n'
    'def E(a):b=os.path.realpath(a);c,d=os.path.split(b);return GC(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def DM(a,b,mode):\n'
    '\tc=E(a);d=os.path.dirname(c.c_)\n'
    '\ttry:\n'
    '\t\tDL(d)\n'
    "\t\tif os.path.exists(c.c_)and not os.path.isfile(c.c_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.n_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);DK(f.fileno(),d,c.c_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:O(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def DK(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def DL(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);DL(b);os.mkdir(a);os.chmod(a,493);DK(a,b,b)\n'
    'def DN(a):\n'
    '\tfor b in{os.path.dirname(E(c).c_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def BR(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    'def GD(a,b):\n'
    '\tO(a)\n'
    '\tif(c:=BR(a))is not None:b.f_.setdefault(a,c);os.unlink(a)\n'
    'def GE(a,b):\n'
    '\tc=[]\n'
    '\tfor d in a:\n'
    '\t\tif os.path.lexists(F/d):c.append(f"removed {d.lstrip(\'/\')}")\n'
    '\t\tGD(F/d,b)\n'
    '\treturn c\n'
    "def J(a,b='replace'):c=BR(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def Q(a):\n'
    '\ttry:\n'
    "\t\twith open(F/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def V(a):\n'
    '\ttry:return sorted(os.listdir(F/a))\n'
    '\texcept OSError:return[]\n'
    'def GG(text,a):\n'
    '\tb=f\'include "{a}"\'\n'
    '\tif text is None:return f"""#!/usr/sbin/nft -f\n'
    '\n'
    'flush ruleset\n'
    '\n'
    '{b}\n'
    '"""\n'
    '\tif b in text.splitlines():return text\n'
    '\treturn f"{text if text.endswith(chr(10))or not text else text+chr(10)}{b}\\n"\n'
    "def U(a):return json.dumps(a,indent=1,sort_keys=True)+'\\n'\n"
    'def DP(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def P(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def BS():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(BO),exist_ok=True);a=os.open(BO,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+BP\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {BP} s; nothing was changed";raise FS(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "DT='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'BX=threading.local()\n'
    "def DW():a=[*DT,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def BY(a):return shutil.which(a,path=DW())or''\n"
    "def L(*a,text='',pass_fds=(),limit=0):return DU(DX(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def DX(*a,text='',pass_fds=()):\n"
    '\tif not text:return BW(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith BV(text)as b:return BW(a,b,pass_fds)\n'
    'def DU(a,b,c=0,limit=0):\n'
    '\td,e,f=GN(a,b,c,limit)\n'
    '\tif d:raise C(GO(b,d,f))\n'
    '\treturn e\n'
    'def GO(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def GN(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise C(f"{b} gave no answer in {d:.0f} s")from None\n'
    '\t\traise\n'
    "\treturn a.returncode,e.decode('utf-8','replace'),f.decode('utf-8','replace')\n"
    '@contextmanager\n'
    'def BV(text):\n'
    '\timport fcntl;a=text.encode();b,c=os.pipe()\n'
    '\ttry:fcntl.fcntl(c,1031,len(a)or 1)\n'
    "\texcept OSError:os.close(b);os.close(c);b=os.memfd_create('vps-firewall',os.MFD_CLOEXEC);c=os.dup(b)\n"
    '\ttry:\n'
    "\t\twith open(c,'wb')as d:d.write(a)\n"
    '\t\twith contextlib.suppress(OSError):os.lseek(b,0,os.SEEK_SET)\n'
    '\t\tyield b\n'
    '\tfinally:os.close(b)\n'
    'def BW(a,b,pass_fds):\n'
    '\tc=a[0]if os.path.isabs(a[0])else BY(a[0])\n'
    '\tif not c:raise C(f"{a[0]} is not installed")\n'
    "\td={'PATH':DW(),'LC_ALL':'C'}\n"
    "\tif getattr(BX,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise C(f"{a[0]}: {e.strerror}")from None\n'
    'def GP(a,pass_fds):\n'
    '\timport fcntl\n'
    '\twith contextlib.ExitStack()as b:c=b.enter_context(BV(\'\'));fcntl.flock(c,fcntl.LOCK_EX);d=\'flock\',\'--shared\',\'--timeout\',str(10),f"/proc/self/fd/{c}";e=[BW([*d,BY(f[0])or f[0],*f[1:]],b.enter_context(BV(g)),[c,*pass_fds])for(f,g)in a];fcntl.flock(c,fcntl.LOCK_UN)\n'
    '\tDV((h,f[0],len(g))for(h,(f,g))in zip(e,a))\n'
    'def DV(a):\n'
    '\tb,c=[],[]\n'
    '\tfor(d,e,f)in a:\n'
    '\t\ttry:b.append(DU(d,e,f))\n'
    '\t\texcept C as g:c.append(str(g))\n'
    "\tif c:raise C('; '.join(c))\n"
    '\treturn b\n'
    '@contextmanager\n'
    'def AU():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(GM).result();yield a\n"
    'def GM():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise AC(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tBX.alone=True\n'
    "EM='docker*','br-*','podman*','cni*','lxdbr*','incusbr*','lxcbr*','virbr*'\n"
    "EN='br-ex','br-lan','br-wan'\n"
    'def HN(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "def CH(a):return a.startswith(tuple(b.rstrip('*')for b in EM))\n"
    "T='vps-firewall.service'\n"
    "DI='/etc/vps-firewall'\n"
    "DH={0:'nft',4:'v4',6:'v6'}\n"
    "AQ='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class AE:e_:0;d_:0=(T,);ak_:0='';q_:0='';fallback:0='';y_:0='';x_:0=False;am_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class BK:\n'
    '\tname:0;af_:0=frozenset();s_:0=field(default_factory=dict)\n'
    '\tdef ag_(a,b,c):d={e:f"{DI}/rules.{DH[e]}"for e in c};return a.s_.get(b)or AE(d,ak_=b)\n'
    "BN='/etc/nftables/vps-firewall.nft'\n"
    "AP=BK('other')\n"
    "DJ=BK('redhat',frozenset({'rhel','fedora','centos'}),s_={'iptables':AE({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',y_=AQ+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':AE({0:BN},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',y_=AQ)})\n"
    'DG=BK(\'debian\',frozenset({\'debian\',\'ubuntu\'}),s_={\'iptables\':AE({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',am_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':AE({0:BN},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',y_=AQ,x_=True)})\n'
    'BJ={each.name:each for each in(DJ,DG,AP)}\n'
    'BL=tuple(place for each in BJ.values()for place in each.s_.values())\n'
    'BM=frozenset(unit for place in BL for unit in place.d_)|{T}\n'
    "DS='cloud-init-local.service'\n"
    "CG='/etc/systemd/system'\n"
    'def EH(a):b=os.path.realpath(F/os.devnull);return any(os.path.realpath(F/f"{c}/{a}")==b for c in BQ)\n'
    'def Y(a):return not EH(a)and any(a in V(f"etc/systemd/system/{b}")for b in V(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def HH(a,b,c,d):\n'
    '\tif c:return{f"{CG}/{T}":HE(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+EE;return{HC(f):e+b.y_.replace('UNIT',f.partition('.')[0])for f in b.d_}\n"
    'def HC(a):return f"{CG}/{a}.d/vps-firewall.conf"\n'
    'EE=f"[Unit]\\nBefore={DS}\\n"\n'
    'def HE(a,b,c):d=a.z_(b.e_,c);e=\'\'.join(f"After={f}\\n"for f in b.d_ if b.x_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def EF():return[]\n'
    "def HD(a):L('systemctl',*EF(),'enable',a)\n"
    "def HB(a):L('systemctl','disable',a,'--no-reload');L('systemctl','mask',a,'--no-reload')\n"
    'def HG(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):L('systemctl','stop',a)\n"
    "def EG(a):L('systemctl',*EF(),'disable',a)\n"
    'def HF():\n'
    "\tif os.path.isdir('/run/systemd/system'):L('systemctl','daemon-reload')\n"
    "AT='/etc/ufw/ufw.conf'\n"
    "AG={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    "DR={'firewalld':'FWD','ufw':'ufw'}\n"
    'def BU():return tuple(a for a in AG if GJ(a))\n'
    'def GJ(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',Q(AT)))\n'
    '\treturn Y(AG[a])\n'
    'def BT(a):return tuple(DR[b]for b in a)\n'
    'def GK(a,b):\n'
    '\tc=AG[a];d=[lambda:HB(c),lambda:HG(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:GI(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(I(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def GI(a):\n'
    "\tb=J(AT,'surrogateescape')or'';DO({AT:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},AF(),mode=None)\n"
    "\tif not a.shares_tables:L('ufw','--force','disable')\n"
    "R='/var/lib/vps-firewall'\n"
    'CA=f"{R}/status-private.json"\n'
    'BZ=f"{R}/status.json"\n'
    'AV=f"{R}/policy.json"\n'
    'AW=f"{R}/services.json"\n'
    'CB=f"{R}/tools"\n'
    "def CC():a=(J('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    "def GQ():return frozenset(DP(P(AW),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class FW:v_:0=AP;major:0=0;d_:0=frozenset();aj_:0=frozenset();h_:0=();r_:0=True\n'
    "def FZ(a):b=FY();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return FW(v_=next((d for d in BJ.values()if d.af_&c),AP),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),d_=frozenset(e for e in BM if FX(e)),aj_=frozenset(e for e in BM if Y(e))-a,h_=BU(),r_=os.path.exists(F/'proc/net/if_inet6'))\n"
    'def FX(a):b=any(a in V(c)for c in BQ);d=[e for f in BL if a in f.d_ for e in f.am_];return b and all(os.path.exists(F/e)for e in d)and not EH(a)\n'
    'def GA():return tuple(a for(b,a)in socket.if_nameindex())\n'
    'def GB():return tuple(dict.fromkeys(a for(b,a)in AR()))\n'
    "def AR():a=[b.split()for b in Q('proc/net/route').splitlines()];c=[(4,d[0])for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in Q('proc/net/ipv6_route').splitlines()];c+=[(6,d[-1])for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e[1]!='lo'))\n"
    'def FY():a=Q(\'etc/os-release\')or Q(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    "AI={4:'net/ipv4/ip_forward',6:'net/ipv6/conf/all/forwarding'}\n"
    "AH='/etc/sysctl.d/99-vps-firewall.conf'\n"
    'W=f"{R}/forwarding.json"\n'
    "AJ,AX='/etc/systemd/network','vps-firewall-forwarding.conf'\n"
    'EA,DY=35091,1\n'
    'CD=5.\n'
    "DZ='lo','veth','vnet','tap'\n"
    "def ED(a,b):c=a.get('forward');return tuple(d for d in c if d==4 or b.r_)if isinstance(c,(list,tuple))else()\n"
    'def GY(a,b,c,d):\n'
    '\te=EB();f=GW(ED(a,b),e);f+=GU(e,f,d);g=[h for h in f if AZ(h)!=AY(h)];i={h:e.get(h)or AZ(h)for h in f if h in e or h in g};j=AR();GX(f,i,c)\n'
    '\tfor h in sorted(g,key=X):CF(h,AY(h))\n'
    '\tfor h in sorted(e.keys()-i.keys(),key=X,reverse=True):CF(h,e[h])\n'
    '\tif any(map(X,g))and j:\n'
    '\t\ttime.sleep(CD);k=AR()\n'
    '\t\tif(l:=dict.fromkeys(m[1]for m in j if m not in k)):raise A(f"the default route by {\' and \'.join(l)} was gone {CD:.0f} s after forwarding was switched on; a static route, or accept_ra=2 in what configures that interface, would stay")\n'
    'def HA(a):\n'
    '\tif W not in a.f_:return\n'
    '\tb=a.f_[W];c,d=EC(json.loads(b[0])if b else{}),EB();e=[(f,d[f])for f in sorted(d.keys()-c.keys(),key=X,reverse=True)]\n'
    '\tfor(f,g)in[*e,*((f,AY(f))for f in sorted(c.keys()-d.keys(),key=X))]:\n'
    '\t\twith contextlib.suppress(A):CF(f,g)\n'
    'def GZ(a,b,c):\n'
    "\td=J(AH)or''\n"
    '\tfor e in(AI[f]for f in ED(a,b)):c+=[f"+kernel {CE(e)} = 1"]if AZ(e)!=\'1\'else[];c+=[f"+{AH} {CE(e)} = 1"]if f"{e} = 1\\n"not in d else[]\n'
    'def GW(a,b):return[*(GR(b)if 6 in a else[]),*(AI[c]for c in a)]\n'
    'def GR(a):\n'
    '\tb=[]\n'
    "\tfor c in sorted(V('proc/sys/net/ipv6/conf')):\n"
    '\t\td=f"net/ipv6/conf/{c}/accept_ra"\n'
    "\t\tif c=='all'or c.startswith(DZ)or CH(c):continue\n"
    "\t\tif d in a or AZ(d)=='1':b.append(d)\n"
    '\treturn b\n'
    'def GU(a,b,c):\n'
    '\td=[e for e in a if e not in b];f=[e for e in GA()if CH(e)and GT(e)]if d else[]\n'
    '\tif not f:return[]\n'
    '\tc.append(f"forwarding stays on, which an earlier policy switched on: {\' and \'.join(f)} may need it");return d\n'
    'def GT(a):\n'
    '\timport fcntl\n'
    "\twith socket.socket(socket.AF_INET,socket.SOCK_DGRAM)as b,contextlib.suppress(OSError):c=fcntl.ioctl(b,EA,struct.pack('16s16x',a.encode()));return bool(struct.unpack_from('16xH',c)[0]&DY)\n"
    '\treturn False\n'
    'def X(a):return a in AI.values()\n'
    "def AY(a):return'1'if X(a)else'2'\n"
    "def CE(a):return a.replace('.','\\x00').replace('/','.').replace('\\x00','/')\n"
    'def EB():return EC(P(W))\n'
    'def EC(a):return{b:str(c)for(b,c)in a.items()}\n'
    'def GX(a,b,c):\n'
    '\tif not a:GE([W,AH,*GS()],c);return\n'
    '\td=\'# Made by vps-firewall, for what its policy forwards. Changes here are lost.\\n\';e={W:(U(b),384),AH:(d+\'\'.join(f"{f} = {AY(f)}\\n"for f in a),420)}\n'
    '\tif AI[6]in a:e.update(dict.fromkeys(GV(),(f"{d}[Network]\\nIPv6AcceptRA=yes\\n",420)))\n'
    '\tAS(e,c)\n'
    'def GV():\n'
    '\tfor(a,b)in AR():\n'
    '\t\tc=Q(f"run/systemd/netif/links/{socket.if_nametoindex(b)}")if a==6 else\'\'\n'
    '\t\tif(d:=re.search(\'(?m)^NETWORK_FILE=\\\\S*/([^/\\\\s]+\\\\.network)$\',c)):yield f"{AJ}/{d[1]}.d/{AX}"\n'
    'def GS():a=[b for b in V(AJ)if b.endswith(\'.network.d\')];return[f"{AJ}/{b}/{AX}"for b in a if AX in V(f"{AJ}/{b}")]\n'
    'def AZ(a):return Q(f"proc/sys/{a}").strip()\n'
    'def CF(a,b):\n'
    "\tc=os.path.join('/proc/sys',a)\n"
    '\ttry:GF(c,b)\n'
    '\texcept FileNotFoundError:return\n'
    '\texcept OSError as d:raise A(f"{c} cannot be written ({d.strerror}), as in a container; whoever runs it has to set {CE(a)} = {b}")from None\n'
    '@dataclass(frozen=True)\n'
    'class HJ:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class HL:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class HK:m_:0;an_:0\n'
    "def EL(a):b=tuple(HJ(c['backend'],EK(c['texts']))for c in a['candidates']);return HL(a['name'],b,EK(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def EK(a):return{int(b):c for(b,c)in a.items()}\n'
    "CI='vps-firewall'\n"
    "B='VPSFW-'\n"
    "EO=B+'LIST-'\n"
    "G=B+'BANS'\n"
    "N={'mangle':('forward',),'filter':('input','forward','output')}\n"
    "D={'nat':('prerouting','postrouting')}\n"
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
    'def EV(a):\n'
    '\tif f"\\n-A {G} "not in a:return a\n'
    '\treturn\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {G} ")or ES(b))\n'
    "def ES(a):return AK(a)=='ACCEPT'\n"
    'def HY(a):return a.count(f"\\n-A {G} ")if f"\\n:{G} "in a else None\n'
    'def BC(a):\n'
    '\tb={}\n'
    '\tfor c in f"\\n{a}".split(\'\\n*\')[1:]:\n'
    "\t\td,e,f=c.partition('\\n-A ');g,e,d=d.partition('\\n')\n"
    '\t\tif g in N or g in D and HZ(f"\\n{c}"):b[g]=re.sub(\'\\\\[\\\\d+:\\\\d+\\\\]\',\'\',d),f[:f.rfind(\'\\nCOMMIT\')]\n'
    '\treturn b\n'
    'def H(a):return f\'--comment "{CI} \'in a or f"-j {B}"in a and AK(a).startswith(B)\n'
    'def HZ(a):return f"\\n:{B}"in a or H(a)\n'
    'def ET(a,b,c=()):\n'
    '\td=AK(b)\n'
    "\tif CK(b)or a.a_.get(d)=='-'and not d.startswith((B,*c)):return True\n"
    "\te=re.findall('(?:^| )-[io] (\\\\S+)',BB(b));return any(CH(f)and f not in EN for f in e)\n"
    'def CK(a):return bool(EQ.search(f" {BB(a)}"))\n'
    "EQ=re.compile('(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\\\\b|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\\\\b')\n"
    "def AK(a):b=re.search('(?:^| )-[jg] (\\\\S+)',BB(a));return b[1]if b else''\n"
    'def BB(a):return re.sub(\'"(?:\\\\\\\\.|[^"\\\\\\\\])*"\',\'""\',a)\n'
    'def BD(a,b,c,d=()):\n'
    '\tif H(c)or a in D:return False\n'
    "\treturn AK(c)in('ACCEPT','RETURN')if a=='mangle'else not ET(b,c,d)\n"
    'def IC(a,b=()):return[*(f"filter {c[3:]}"for c in a.split(\'\\n\')if c.startswith(f"-A {G} ")and ES(c)),*(f"{d} {e.upper()} {f}"for(d,g)in CJ(a).items()for e in N.get(d,())for f in g.b_.get(e.upper(),())if BD(d,g,f,b))]\n'
    'def CJ(a):return M(\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {B}")))\n'
    "def IB(a):return bool(HY(a))or any(b.a_.get(c)=='-'and not c.startswith(B)or any(not H(d)for d in e)for(f,b)in CJ(a).items()if f in N or f in D for(c,e)in b.b_.items())\n"
    "def EU(text):return all(ER.match(a)or H(a)for a in text.split('\\n'))\n"
    'ER=re.compile(rf"\\s*$|#|\\*|COMMIT\\b|:(?:{B}|\\w+ ACCEPT\\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {B}")\n'
    "def IA(a):return bool(re.search('--\\\\w+-set ',BB(a)))\n"
    'def HV(a,b,c=()):\n'
    '\ta=EV(a)\n'
    "\tif BC(a)==BC(b):return''\n"
    "\td,e=M(a),M(b);return''.join(HT(f,d.get(f,K()),HS(f,d,e),c)for f in(*N,*D))\n"
    'def HS(a,b,c):\n'
    '\tif a in c or a not in D:return c.get(a,K())\n'
    "\treturn K({d.upper():'ACCEPT'for d in D[a]if a in b},{e.upper():[]for e in D[a]})\n"
    'def HT(a,b,c,d):\n'
    '\te,f,g,h=[],[],[],[];i={}\n'
    '\tfor(j,k)in c.a_.items():\n'
    "\t\tif k=='-':\n"
    '\t\t\tif j==G and G in b.a_:f+=[f"-D {G} {l}\\n"for l in b.b_[G]]\n'
    '\t\t\telif j.startswith(B)and b.b_.get(j)!=c.b_[j]:\n'
    '\t\t\t\tm=[f"-A {j} {l}\\n"for l in c.b_[j]]\n'
    '\t\t\t\tif j.startswith(EO):i[j]=m\n'
    '\t\t\t\telse:e.append(f":{j} - [0:0]\\n");g+=m\n'
    '\t\t\tcontinue\n'
    '\t\tn,o=b.b_.get(j,[]),[p for p in c.b_[j]if H(p)];q=[p for p in n if BD(a,b,p,d)];r=any(H(p)and any(map(CK,n[s:]))for(s,p)in enumerate(n))\n'
    '\t\tif a not in D and k!=b.a_.get(j,\'ACCEPT\'):e.append(f":{j} {k} [0:0]\\n")\n'
    '\t\tif q or r or[p for p in n if H(p)]!=o:f+=[f"-D {j} {p}\\n"for p in n if H(p)or p in q];g+=[f"-A {j} {p}\\n"for p in o]\n'
    '\tfor j in b.a_:\n'
    '\t\tif j.startswith(B)and j not in(*c.a_,G):i[j]=[];h.append(f"-X {j}\\n")\n'
    '\tfor j in sorted(i,reverse=True):f+=[f":{j} - [0:0]\\n",*i[j]]\n'
    '\tt=[*e,*f,*g,*h];return f"*{a}\\n{\'\'.join(t)}COMMIT\\n"if t else\'\'\n'
    'def HU(a,b):\n'
    '\ta=EV(a)\n'
    '\tif BC(a)==BC(b):return[]\n'
    '\tc,d=M(a),M(b);e=[]\n'
    '\tfor f in(*N,*D):\n'
    '\t\tg,h=c.get(f,K()),d.get(f,K())\n'
    '\t\tfor(i,j)in h.a_.items():\n'
    "\t\t\tk=g.a_.get(i,'ACCEPT')\n"
    '\t\t\tif j not in(\'-\',k)and f not in D:e+=[f"-{f} {i} policy {k}",f"+{f} {i} policy {j}"]\n'
    '\t\tfor i in dict.fromkeys([*h.a_,*g.a_]):\n'
    "\t\t\tif h.a_.get(i)=='-'or i.startswith(B):l=g.b_.get(i)\n"
    '\t\t\telif i not in h.a_:continue\n'
    '\t\t\telse:l=[m for m in g.b_.get(i,[])if H(m)or BD(f,g,m)]\n'
    '\t\t\tif l!=h.b_.get(i):e+=HQ(f"{f} {i}",l,h.b_.get(i))\n'
    '\treturn e\n'
    'def HQ(a,b,c):d,e=set(b or()),set(c or());f=[g for g in c or()if g not in d];h=[g for g in b or()if g not in e];i=[f"-{a} {g}"for g in h]+[f"+{a} {g}"for g in f];return i or[f"+{a} (its rules in another order)"if b is not None else f"+{a} (chain)"]\n'
    'def HW(a,b):\n'
    '\tc,d=M(a),M(b);e=[]\n'
    '\tfor(f,g)in{**N,**D}.items():\n'
    '\t\tif f in D and not(EP(f,c)or EP(f,d)):continue\n'
    '\t\th,i=c.get(f,K()),d.get(f,K());j={k for k in h.a_ if b and k not in i.a_ and not k.startswith(B)}\n'
    '\t\tfor(l,m)in i.b_.items():\n'
    "\t\t\tif i.a_.get(l)!='-':n=[o for o in h.b_.get(l,[])if H(o)or o in m or not(AK(o)in j or CK(o))];h.b_[l]=[o for o in m if not H(o)and ET(i,o)and o not in n]+n\n"
    "\t\t\telif not l.startswith(B)or l==G and G in h.a_:h.a_[l],h.b_[l]='-',m\n"
    '\t\tfor l in j:h.a_.pop(l),h.b_.pop(l)\n'
    '\t\tp={q.upper():\'ACCEPT\'for q in g}|h.a_;e.append(f"*{f}\\n");e+=[f":{l} {r} [0:0]\\n"for(l,r)in p.items()];e+=[f"-A {l} {s}\\n"for(l,m)in h.b_.items()for s in m];e.append(\'COMMIT\\n\')\n'
    "\treturn''.join(e)\n"
    'def EP(a,b):c=b.get(a,K());return any(d.startswith(B)or any(map(H,e))for(d,e)in c.b_.items())\n'
    'def HX(text,a,b=()):\n'
    '\tfor(c,d)in HR(a,b).items():e,f,g=text.partition(f"*{c}\\n");h,i,j=g.partition(\'-A \');text=f"{e}*{c}\\n{h}{\'\'.join(d)}{i}{j}";text+=\'\'if f else\'COMMIT\\n\'\n'
    '\treturn text\n'
    'def HR(a,b=()):\n'
    '\tc={}\n'
    '\tfor(d,e)in sorted(CJ(a).items()):\n'
    '\t\tf=[g.upper()for g in{**N,**D}.get(d,())];h=[i for i in e.b_ if not i.startswith((B,*b))];j=[f"-A {i} {k}\\n"for i in h for k in e.b_[i]if not(H(k)or i in f and BD(d,e,k,b))]\n'
    '\t\tif j:l=[i for i in h if i in e.a_ and i not in f];c[d]=[f":{i} {e.a_[i]} [0:0]\\n"for i in l]+j\n'
    '\treturn c\n'
    'CX=60\n'
    "AL={4:'iptables-restore',6:'ip6tables-restore'}\n"
    "AA={4:'iptables-save',6:'ip6tables-save'}\n"
    'class FI:\n'
    "\tname='iptables';families=4,6;shares_tables=True;o_=*AL.values(),*AA.values(),'flock'\n"
    '\tdef z_(a,b,c):return[f"{c[d]} -w {CX} {b[e]}"for(e,d)in AL.items()]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\td=[([AL[e],*(['--noflush']if e in c else[]),'-w',str(10)],f)for(e,f)in b.items()if f]\n"
    '\t\tif len(d)>1:GP(d,pass_fds)\n'
    '\t\telse:\n'
    '\t\t\tfor(g,f)in d:L(*g,text=f,pass_fds=pass_fds)\n'
    '\tdef dump(a,b):\n'
    '\t\tc=[(DX(AA[d]),AA[d],0)for d in b];e=dict(zip(b,DV(c)))\n'
    '\t\tfor(d,f)in e.items():\n'
    '\t\t\tg=f.splitlines()\n'
    '\t\t\tif f.strip()and(\'*\'not in f or not all(h[:1]in\'#*:-C[\'for h in g if h)):raise C(f"{AA[d]} printed something that is not a dump")\n'
    '\t\treturn e\n'
    '\tdef aq_(a,b,pass_fds=()):\n'
    '\t\tc={}\n'
    '\t\twith contextlib.suppress(C):c=a.dump(tuple(b))\n'
    "\t\ta.load({d:HW(e,c.get(d,''))for(d,e)in b.items()},(),pass_fds)\n"
    '\tdef aa_(a,b,c,d,e,h_):\n'
    '\t\tf,g=dict(b),[];h=d()\n'
    '\t\tfor(i,j)in c.items():\n'
    '\t\t\tk=len(j)+len(f[i])<200000 or IB(j)\n'
    "\t\t\tif'-A 'in j and(k or e):\n"
    '\t\t\t\tl=HV(j,h[i],BT(h_))\n'
    '\t\t\t\tif k or not l:f[i]=l\n'
    '\t\t\tif k:g.append(i)\n'
    '\t\treturn f,g\n'
    '\tdef p_(a,b,c):return[f"{d[0]}IPv{e} {d[1:]}"for(e,f)in c.items()for d in HU(b.get(e,\'\'),f)]\n'
    '\tdef ar_(a,b,c):return all(M(b[d])==M(e)for(d,e)in c.items())\n'
    '\tdef ao_(a,b,h_):c=[f"IPv{d} {e}"for(d,f)in b.items()for e in IC(f,BT(h_))];g=[re.sub(\'( -[sd]|-range) \\\\S+\',\'\\\\1 ...\',e)for e in c[:6]];h=[f"and {len(c)-len(g)} more"]if len(c)>len(g)else[];return[f"rules of others that were taken out: {\'; \'.join(g+h)}"]if c else[]\n'
    '\tdef aw_(a,b,c,h_):\n'
    '\t\td,e=dict(b),[]\n'
    '\t\tfor(f,g)in c.items():\n'
    "\t\t\th=(J(g)or'').split('\\n');i=[j for j in h if not IA(j)]\n"
    "\t\t\tif EU('\\n'.join(i)):continue\n"
    '\t\t\ttry:\n'
    "\t\t\t\twith AU()as k:k.submit(a.load,{f:'\\n'.join(i)}).result();l=k.submit(a.dump,(f,)).result()[f];m=HX(b[f],l,BT(h_));k.submit(a.load,{f:m}).result()\n"
    '\t\t\t\td[f]=m\n'
    '\t\t\t\tif len(i)<len(h):e.append(f"{g}: rules that name a set were left out: at boot it is not there")\n'
    '\t\t\texcept A as n:e.append(f"{g} could not be loaded, and nothing in it was kept: {n}")\n'
    '\t\treturn d,e\n'
    'AM={each.name:each for each in(FI(),)}\n'
    'def HI(a):return BY(a)\n'
    '@dataclass(frozen=True)\n'
    'class HM:\n'
    '\tbackend:0;c_:0;l_:0=False\n'
    '\t@property\n'
    '\tdef d_(a):return(T,)if a.l_ else a.c_.d_\n'
    '\tdef o_(a,b=F):\n'
    '\t\tc={d:HI(d)for d in a.backend.o_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise AC(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def BA(a,b):c=AM[a];d=b.v_.ag_(a,c.families);e=b.d_&b.aj_ if d.x_ else b.d_;return HM(c,d,T in d.d_ or not e.issuperset(d.d_))\n'
    'def HP(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "def GL():a,b=P(AV),CC();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def EY(a,b):\n'
    '\tc={}\n'
    '\tfor(d,(e,f))in a.items():\n'
    "\t\tg=J(d,'surrogateescape')\n"
    '\t\tif f is None or g is None or not EZ(g):continue\n'
    "\t\th=d+'.before-vps-firewall'\n"
    "\t\twhile J(h,'surrogateescape')not in(None,g):h+='~'\n"
    '\t\tc[h]=g,384;b.append(f"{d} was not ours: what stood there is in {h}")\n'
    '\treturn c\n'
    'def EZ(text):return CI not in text and not EU(text)\n'
    "def FH(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':CC()if c.good else''};h={*GQ(),*(i for i in a.d_ if not Y(i))};j={*DP(P(AW),'disabled'),*(AG[k]for k in d.h_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AV:(U(g),384),AW:(U(l),384)};return CS(a,b,c.fallback,e,f,also=m)\n"
    'def CS(a,b,fallback,c,d,also=None):\n'
    '\te=a.c_;f=HH(a.backend,e,a.l_,a.o_(F));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.e_.items()}\n'
    '\tif not a.l_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.e_.items()})\n'
    "\tif not a.l_ and e.q_:l=J(F/e.q_,'surrogateescape');j[e.q_]=GG(l,e.e_[0]),None\n"
    '\tm=EY({**j,**g},d);n={**m,**j,**g,**(also or{})};o=AS({F/h:p for(h,p)in n.items()},c);d+=CR(o)\n'
    '\tif any(h in o for h in g):HF()\n'
    '\treturn o\n'
    'def FG(a,b):c=[d for d in b.v_.s_.values()if d.e_!=a.c_.e_];e=[f for d in c for f in d.d_];return[f for f in e if f not in a.d_ and Y(f)]\n'
    'def CQ(a,b):\n'
    '\tfor c in a.d_:\n'
    '\t\tif not Y(c):b.append(c);HD(c)\n'
    '\tif b:DQ()\n'
    'def CR(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):L('restorecon',*a,limit=3.)\n"
    '\texcept C as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def CO(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in FG(a,b):EG(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {I(f)}")\n'
    '\treturn d\n'
    "CT='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def BF():return P(CA)or P(BZ)\n'
    'def CW(a):\n'
    '\tb={c:CV(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',U({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):AS({CA:(U(a),384),BZ:(d,420)},AF())\n'
    "def CV(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def CU(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.c_.e_.values()),'services':list(a.d_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class Z:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.t_=BF();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
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
    "\tdef ac_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':BI(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.t_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in CT if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];CW(a.status)\n"
    '\tdef ad_(a,b,c):\n'
    '\t\tif c:return A(f"{I(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,AB)and a.failed_in==\'load\':return AB(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return FU(f"{I(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class FD:i_:0;texts:0;k_:0;at_:0;w_:0;f_:0;notes:0\n'
    'def FF(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in FE(a,b):\n'
    '\t\tj=BA(g,b);k=j.backend\n'
    "\t\ttry:j.o_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(AU());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(CP,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return FD(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(map(str,e))\n"
    '\tif all(isinstance(t,AC)for t in e):raise AC(s)\n'
    '\traise AB(f"{s}; nothing was changed")\n'
    'def FE(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.r_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def CP(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(BE)-c[f].count(BE))for(f,e)in b.items())):raise C(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'BE=\'comment "\'\n'
    'def FC(a,b,c):\n'
    "\td=BA(b,c);e,f=d.backend,next(g.texts for g in a.candidates if g.backend==b);h=BF().get('skipped_families',());i=[]\n"
    '\twith BS(),AU()as j:\n'
    '\t\tk={l:m for(l,m)in f.items()if l not in h};j.submit(e.load,k).result();n=j.submit(CP,e,k).result()\n'
    '\t\tfor(l,o)in d.c_.e_.items():i+=FA(e,l,o,f[l],n)\n'
    '\t\tp=[q for q in d.d_ if not Y(q)];i+=[f"+{q} enabled: nothing loads the rules at boot"for q in p];i+=FB(e.p_(e.dump(tuple(k)),n))\n'
    '\tGZ(a.source,c,i);return i\n'
    'def FA(a,b,c,text,d):\n'
    '\te=J(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith AU()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept C as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.p_(g,{b:d[b]})\n'
    '\telse:i=HP(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def FB(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class S:\n'
    '\tstatus:0;problems:0=();notes:0=();ab_:0=False;au_:0=False\n'
    '\t@property\n'
    "\tdef u_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def CN(a,b,c=None):\n'
    '\tc=c or Z()\n'
    '\twith BS()as d,c.ap_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.g_('rehearse'):f=FF(a,b,e)\n"
    "\t\twith c.g_('keep'):g=f.f_.result()\n"
    "\t\th,i=f.i_,f.i_.backend;c.notes+=f.notes;c.status.update(CU(h,a,f.texts));c.status['skipped_families']=list(f.at_);c.write();j=AF(ah_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.g_('load'):l=CM(f,g,b,d)\n"
    "\t\t\twith c.g_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.k_))\n'
    '\t\t\t\tif(n:=i.p_(m,f.w_.result())):raise FT(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    '\t\t\tGY(a.source,b,j,c.notes)\n'
    "\t\t\twith c.g_('save'):o,p=i.aw_(f.texts,h.c_.e_,b.h_);c.notes+=p;q=FH(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.g_('enable'):CQ(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.g_('roll back'):s=EX(c,h,g,j,k,d)\n"
    '\t\t\traise c.ad_(r,s)from r.__cause__\n'
    "\t\twith c.g_('disable others'):j.ae_();c.notes+=i.ao_(g,b.h_)if l else[];t=EW(f,b,c.notes,d);c.notes+=CO(h,b,c.t_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return S(c.status,ab_=not t)\n"
    "def CM(a,b,c,d):e,f=a.i_.backend,a.i_.c_.e_;g=all((J(f[h])or'').startswith(i)for(h,i)in a.k_.items());j,k=e.aa_(a.k_,b,a.w_.result,g,c.h_);e.load(j,k,[d]);return any(j.values())\n"
    'def EX(a,b,c,d,e,f):\n'
    '\tg=[];HA(d)\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):EG(h)\n'
    '\ttry:d.av_();a.notes+=CR([i for(i,j)in d.f_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {I(k)}")\n'
    '\ttry:\n'
    '\t\tif not CL(b,c):b.backend.aq_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not CL(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def CL(a,b):\n'
    '\ttry:return a.backend.ar_(a.backend.dump(tuple(b)),b)\n'
    '\texcept C:return False\n'
    'def EW(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.h_:\n'
    '\t\tif(g:=GK(f,a.i_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.h_:\n'
    '\t\ttry:CM(a,a.i_.backend.dump(tuple(a.k_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.h_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    'def EJ(a):return tuple(BA(b,a)for b in AM)\n'
    "AN=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def FP(a,b,c=(),d=Z):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tDQ()\n'
    '\t\tif not any(f.good for f in a.m_):\n'
    '\t\t\tg=DA(a.m_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,h_=BU())\n'
    "\t\twith e.g_('parse'):f=a.an_()\n"
    '\t\treturn CN(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=DB(a.m_,b,h,e,d)\n'
    '\t\texcept Exception as j:return S({},[f"{I(j)}; and before it: {I(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,AD)and not any(l.al_ for l in h.problems);m=k and bool(i['services'])and not BU();return S(i,BI(h),e.notes,m,isinstance(h,AB))\n"
    'def DB(a,b,c,d,e=Z):\n'
    "\tf,g=DA(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':BI(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tCW(i)\n'
    "\tif'open'not in i:raise FV('nothing could close this host')\n"
    '\treturn i\n'
    'def DA(a,b,c):\n'
    '\tfor(d,e)in FJ(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def FJ(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(FN,f,b,c))\n'
    '\t\tyield(d,partial(CZ,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(CZ,d,b,c,whole=False))\n'
    "def FN(a,b,c):return CN(a,b,c('first boot',())).status\n"
    'def CZ(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(AM[f.backend].families)):\n'
    '\t\twith contextlib.suppress(C):return FK(a,e,b,c,d)\n'
    '\traise C\n'
    'def FK(a,b,c,d,e):\n'
    '\tf,g=BA(b.backend,c),b.texts;h=[];i=CU(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept C as l:\n'
    '\t\t\tif e and(j!=6 or c.r_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise C('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),BS()as m:h+=CO(f,c)\n'
    '\ttry:CS(f,g,a.fallback,AF(),h);CQ(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {I(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def FO(a,b,c,d=(),e=lambda:None,f=Z):\n'
    '\tdef g():\n'
    '\t\to=a();p=FP(b(o),o,d,f)\n'
    '\t\tif not p.problems:\n'
    "\t\t\tfor q in p.status['notes']:AN.info('%s',q)\n"
    "\t\t\tAN.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(p)\n'
    '\tdef j():\n'
    '\t\ttry:return S(**DC(g))\n'
    '\t\texcept CY as o:p=o\n'
    "\t\tdef q():r,s=a(),Z('cloud-init',d);return asdict(S(DB(b(r).m_,r,p,s),[str(p)],s.notes))\n"
    '\t\treturn S(**DC(q))\n'
    '\ti,k,h=j(),J(CB),a();l=EJ(h)\n'
    '\tfor m in(*l,*(n for n in EJ(h)if n not in l)):\n'
    '\t\tif FM(m,l,i):d=[*i.notes,FL(m,c,i,k)];i=j()\n'
    '\tif i.ab_:e()\n'
    '\tif not i.status:raise A(i.problems[0])\n'
    '\treturn[*i.problems]\n'
    'class CY(A):0\n'
    'def DC(a):\n'
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
    '\tif os.WIFSIGNALED(j)or not i:raise CY(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def FQ():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def BG(a):\n'
    '\twith contextlib.suppress(AC):return bool(a.o_())\n'
    '\treturn False\n'
    'def FM(a,b,c):\n'
    '\tif not c.problems or BG(a):return False\n'
    '\tif c.u_:return a in b and(c.au_ or not any(map(BG,b)))\n'
    '\treturn True\n'
    'def FL(a,b,c,d):\n'
    '\te,f=a.c_.ak_,CC()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:AN.info('%s could not be installed: %s',e,g)\n"
    '\t\tif BG(a):h=f"unprotected for up to {FQ()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.u_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):DO({CB:f},AF(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def EI(a):\n'
    '\tfor b in GB():\n'
    "\t\tif any(HN(c,b)for c in a.get('trusted',())):return b\n"
    "\treturn''\n"
    "DD=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AO='vps_firewall'\n"
    'public=CV\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend','auto'));return FO(DF,lambda g:FR(e,d),b,(),c)\n"
    'def DF():return FZ(frozenset())\n'
    'def FR(a,b):\n'
    "\tc=DE();d,e,f=(g for g in map(EL,c['plans']));h=d.source['section'];i=[replace(d,name='the last good policy')]if GL()==h else[];i+=[e]if all(a.get(j)==h.get(j)for j in('ssh','lists'))else[];k=c['default_port']and[*b]!=['22']\n"
    '\tdef l():\n'
    '\t\tif k:m=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise AD([BH(f"{AO}.ssh",m)])\n'
    "\t\tif a!=h:raise AD([BH(AO,'is not what this bundle was made of; make it again')])\n"
    '\t\tif EI(d.source):m=f"{EI(d.source)} has the default route here, and is trusted; name networks";raise AD([BH(f"{AO}.allow",m)])\n'
    '\t\treturn d\n'
    '\treturn HK([]if k else[*i,f],l)\n'
    'def DE():\n'
    "\twith open(DD,encoding='utf-8')as a:return json.load(a)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(U(BF()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=P(AV)\n'
    "\t\tfor b in map(EL,DE()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=FC(b,str(a.get('backend')),DF());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {I(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
