"""The engine called auto -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "067e8251875b0530305441092d1af51f1ca46f6ed73ab2fe7cb3cb38e58f3657"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,socket,struct,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class BK:\n'
    '\tpath:0;aj_:0;am_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.aj_}"\n'
    'class A(Exception):exit_code=1\n'
    'class AE(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class AD(A):exit_code=3\n'
    'class AC(A):exit_code=4\n'
    'class GD(A):exit_code=5\n'
    'class GC(A):exit_code=6\n'
    'class GB(A):0\n'
    'class B(AC):0\n'
    'class GE(A):0\n'
    'def I(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def BL(a):return[str(b)for b in a.problems]if isinstance(a,AE)else[I(a)]\n'
    'class HX:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'F=HX()\n'
    "BR='/run/vps-firewall.lock'\n"
    "BT='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'BS=60\n'
    '@dataclass\n'
    'class AG:\n'
    '\tf_:0=field(default_factory=dict);ai_:0=False\n'
    '\tdef aw_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.f_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(E(c).l_):os.rename(E(c).l_,E(c).c_);O(c)\n'
    '\t\t\t\telse:GQ(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ae_(a):\n'
    '\t\tfor b in a.f_:O(b)\n'
    'def DU(a,b,mode=384):return AV({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def AV(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tO(d);g,h=e.encode('utf-8','surrogateescape'),BU(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;DS(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.ai_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(E(d).c_,E(d).l_)\n'
    '\t\tfor(d,h)in c.items():os.rename(E(d).q_,E(d).c_);b.f_.setdefault(d,h)\n'
    '\t\tDT(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.f_:O(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def GQ(a,b,mode):O(a);DS(a,b,mode);os.rename(E(a).q_,E(a).c_);DT([a])\n'
    'def DW():os.sync()\n'
    'def GO(a,b):\n'
    '\twith open(a,\'r+\',encoding=\'ascii\')as c:c.write(f"{b}\\n")\n'
    'def O(a):\n'
    '\tfor b in(E(a).q_,E(a).l_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class GL:c_:0;q_:0;l_:0\n'
    'def E(a):b=os.path.realpath(a);c,d=os.path.split(b);return GL(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def DS(a,b,mode):\n'
    '\tc=E(a);d=os.path.dirname(c.c_)\n'
    '\ttry:\n'
    '\t\tDR(d)\n'
    "\t\tif os.path.exists(c.c_)and not os.path.isfile(c.c_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.q_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);DQ(f.fileno(),d,c.c_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:O(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def DQ(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def DR(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);DR(b);os.mkdir(a);os.chmod(a,493);DQ(a,b,b)\n'
    'def DT(a):\n'
    '\tfor b in{os.path.dirname(E(c).c_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def BU(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    'def GM(a,b):\n'
    '\tO(a)\n'
    '\tif(c:=BU(a))is not None:b.f_.setdefault(a,c);os.unlink(a)\n'
    'def GN(a,b):\n'
    '\tc=[]\n'
    '\tfor d in a:\n'
    '\t\tif os.path.lexists(F/d):c.append(f"removed {d.lstrip(\'/\')}")\n'
    '\t\tGM(F/d,b)\n'
    '\treturn c\n'
    "def J(a,b='replace'):c=BU(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def Q(a):\n'
    '\ttry:\n'
    "\t\twith open(F/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def V(a):\n'
    '\ttry:return sorted(os.listdir(F/a))\n'
    '\texcept OSError:return[]\n'
    'def GP(text,a):\n'
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
    'def DV(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def P(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def BV():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(BR),exist_ok=True);a=os.open(BR,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+BS\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {BS} s; nothing was changed";raise GB(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "DZ='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'CA=threading.local()\n'
    "def EE():a=[*DZ,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def CB(a):return shutil.which(a,path=EE())or''\n"
    "def K(*a,text='',pass_fds=(),limit=0):return EC(CC(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def CC(*a,text='',pass_fds=()):\n"
    '\tif not text:return BZ(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith BY(text)as b:return BZ(a,b,pass_fds)\n'
    'def EC(a,b,c=0,limit=0):\n'
    '\td,e,f=EA(a,b,c,limit)\n'
    '\tif d:raise B(EB(b,d,f))\n'
    '\treturn e\n'
    'def EB(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def EA(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise B(f"{b} gave no answer in {d:.0f} s")from None\n'
    '\t\traise\n'
    "\treturn a.returncode,e.decode('utf-8','replace'),f.decode('utf-8','replace')\n"
    '@contextmanager\n'
    'def BY(text):\n'
    '\timport fcntl;a=text.encode();b,c=os.pipe()\n'
    '\ttry:fcntl.fcntl(c,1031,len(a)or 1)\n'
    "\texcept OSError:os.close(b);os.close(c);b=os.memfd_create('vps-firewall',os.MFD_CLOEXEC);c=os.dup(b)\n"
    '\ttry:\n'
    "\t\twith open(c,'wb')as d:d.write(a)\n"
    '\t\twith contextlib.suppress(OSError):os.lseek(b,0,os.SEEK_SET)\n'
    '\t\tyield b\n'
    '\tfinally:os.close(b)\n'
    'def BZ(a,b,pass_fds):\n'
    '\tc=a[0]if os.path.isabs(a[0])else CB(a[0])\n'
    '\tif not c:raise B(f"{a[0]} is not installed")\n'
    "\td={'PATH':EE(),'LC_ALL':'C'}\n"
    "\tif getattr(CA,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise B(f"{a[0]}: {e.strerror}")from None\n'
    'def GW(a,pass_fds):\n'
    '\timport fcntl\n'
    '\twith contextlib.ExitStack()as b:c=b.enter_context(BY(\'\'));fcntl.flock(c,fcntl.LOCK_EX);d=\'flock\',\'--shared\',\'--timeout\',str(10),f"/proc/self/fd/{c}";e=[BZ([*d,CB(f[0])or f[0],*f[1:]],b.enter_context(BY(g)),[c,*pass_fds])for(f,g)in a];fcntl.flock(c,fcntl.LOCK_UN)\n'
    '\tED((h,f[0],len(g))for(h,(f,g))in zip(e,a))\n'
    'def ED(a):\n'
    '\tb,c=[],[]\n'
    '\tfor(d,e,f)in a:\n'
    '\t\ttry:b.append(EC(d,e,f))\n'
    '\t\texcept B as g:c.append(str(g))\n'
    "\tif c:raise B('; '.join(c))\n"
    '\treturn b\n'
    '@contextmanager\n'
    'def AX():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(GV).result();yield a\n"
    'def GV():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise AD(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tCA.alone=True\n'
    "ES='docker*','br-*','podman*','cni*','lxdbr*','incusbr*','lxcbr*','virbr*'\n"
    "ET='br-ex','br-lan','br-wan'\n"
    'def HW(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "def CM(a):return a.startswith(tuple(b.rstrip('*')for b in ES))\n"
    "T='vps-firewall.service'\n"
    "DO='/etc/vps-firewall'\n"
    "DN={0:'nft',4:'v4',6:'v6'}\n"
    "AT='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class AF:e_:0;d_:0=(T,);al_:0='';s_:0='';fallback:0='';y_:0='';x_:0=False;an_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class BN:\n'
    '\tname:0;af_:0=frozenset();ag_:0=0;o_:0=field(default_factory=dict)\n'
    '\tdef ah_(a,b,c):d={e:f"{DO}/rules.{DN[e]}"for e in c};return a.o_.get(b)or AF(d,al_=b)\n'
    "BQ='/etc/nftables/vps-firewall.nft'\n"
    "AS=BN('other')\n"
    "DP=BN('redhat',frozenset({'rhel','fedora','centos'}),ag_=9,o_={'iptables':AF({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',y_=AT+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':AF({0:BQ},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',y_=AT)})\n"
    'DM=BN(\'debian\',frozenset({\'debian\',\'ubuntu\'}),o_={\'iptables\':AF({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',an_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':AF({0:BQ},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',y_=AT,x_=True)})\n'
    'BM={each.name:each for each in(DP,DM,AS)}\n'
    'BO=tuple(place for each in BM.values()for place in each.o_.values())\n'
    'BP=frozenset(unit for place in BO for unit in place.d_)|{T}\n'
    "DY='cloud-init-local.service'\n"
    "CK='/etc/systemd/system'\n"
    'def EO(a):b=os.path.realpath(F/os.devnull);return any(os.path.realpath(F/f"{c}/{a}")==b for c in BT)\n'
    'def Y(a):return not EO(a)and any(a in V(f"etc/systemd/system/{b}")for b in V(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def HO(a,b,c,d):\n'
    '\tif c:return{f"{CK}/{T}":HL(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+EL;return{HJ(f):e+b.y_.replace('UNIT',f.partition('.')[0])for f in b.d_}\n"
    'def HJ(a):return f"{CK}/{a}.d/vps-firewall.conf"\n'
    'EL=f"[Unit]\\nBefore={DY}\\n"\n'
    'def HL(a,b,c):d=a.z_(b.e_,c);e=\'\'.join(f"After={f}\\n"for f in b.d_ if b.x_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def EM():return[]\n'
    "def HK(a):K('systemctl',*EM(),'enable',a)\n"
    "def HI(a):K('systemctl','disable',a,'--no-reload');K('systemctl','mask',a,'--no-reload')\n"
    'def HN(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):K('systemctl','stop',a)\n"
    "def EN(a):K('systemctl',*EM(),'disable',a)\n"
    'def HM():\n'
    "\tif os.path.isdir('/run/systemd/system'):K('systemctl','daemon-reload')\n"
    "AW='/etc/ufw/ufw.conf'\n"
    "AH={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    "DX={'firewalld':'FWD','ufw':'ufw'}\n"
    'def BX():return tuple(a for a in AH if GS(a))\n'
    'def GS(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',Q(AW)))\n'
    '\treturn Y(AH[a])\n'
    'def BW(a):return tuple(DX[b]for b in a)\n'
    'def GT(a,b):\n'
    '\tc=AH[a];d=[lambda:HI(c),lambda:HN(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:GR(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(I(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def GR(a):\n'
    "\tb=J(AW,'surrogateescape')or'';DU({AW:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},AG(),mode=None)\n"
    "\tif not a.shares_tables:K('ufw','--force','disable')\n"
    "R='/var/lib/vps-firewall'\n"
    'CE=f"{R}/status-private.json"\n'
    'CD=f"{R}/status.json"\n'
    'AY=f"{R}/policy.json"\n'
    'AZ=f"{R}/services.json"\n'
    'CF=f"{R}/tools"\n'
    "def CG():a=(J('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    "def GX():return frozenset(DV(P(AZ),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class GF:k_:0=AS;major:0=0;d_:0=frozenset();ak_:0=frozenset();h_:0=();t_:0=True\n'
    "def GI(a):b=GH();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return GF(k_=next((d for d in BM.values()if d.af_&c),AS),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),d_=frozenset(e for e in BP if GG(e)),ak_=frozenset(e for e in BP if Y(e))-a,h_=BX(),t_=os.path.exists(F/'proc/net/if_inet6'))\n"
    'def GG(a):b=any(a in V(c)for c in BT);d=[e for f in BO if a in f.d_ for e in f.an_];return b and all(os.path.exists(F/e)for e in d)and not EO(a)\n'
    'def GJ():return tuple(a for(b,a)in socket.if_nameindex())\n'
    'def GK():return tuple(dict.fromkeys(a for(b,a)in AU()))\n'
    "def AU():a=[b.split()for b in Q('proc/net/route').splitlines()];c=[(4,d[0])for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in Q('proc/net/ipv6_route').splitlines()];c+=[(6,d[-1])for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e[1]!='lo'))\n"
    'def GH():a=Q(\'etc/os-release\')or Q(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    "AJ={4:'net/ipv4/ip_forward',6:'net/ipv6/conf/all/forwarding'}\n"
    "AI='/etc/sysctl.d/99-vps-firewall.conf'\n"
    'W=f"{R}/forwarding.json"\n'
    "AK,BA='/etc/systemd/network','vps-firewall-forwarding.conf'\n"
    'EH,EF=35091,1\n'
    'CH=5.\n'
    "EG='lo','veth','vnet','tap'\n"
    "def EK(a,b):c=a.get('forward');return tuple(d for d in c if d==4 or b.t_)if isinstance(c,(list,tuple))else()\n"
    'def HF(a,b,c,d):\n'
    '\te=EI();f=HD(EK(a,b),e);f+=HB(e,f,d);g=[h for h in f if BC(h)!=BB(h)];i={h:e.get(h)or BC(h)for h in f if h in e or h in g};j=AU();HE(f,i,c)\n'
    '\tfor h in sorted(g,key=X):CJ(h,BB(h))\n'
    '\tfor h in sorted(e.keys()-i.keys(),key=X,reverse=True):CJ(h,e[h])\n'
    '\tif any(map(X,g))and j:\n'
    '\t\ttime.sleep(CH);k=AU()\n'
    '\t\tif(l:=dict.fromkeys(m[1]for m in j if m not in k)):raise A(f"the default route by {\' and \'.join(l)} was gone {CH:.0f} s after forwarding was switched on; a static route, or accept_ra=2 in what configures that interface, would stay")\n'
    'def HH(a):\n'
    '\tif W not in a.f_:return\n'
    '\tb=a.f_[W];c,d=EJ(json.loads(b[0])if b else{}),EI();e=[(f,d[f])for f in sorted(d.keys()-c.keys(),key=X,reverse=True)]\n'
    '\tfor(f,g)in[*e,*((f,BB(f))for f in sorted(c.keys()-d.keys(),key=X))]:\n'
    '\t\twith contextlib.suppress(A):CJ(f,g)\n'
    'def HG(a,b,c):\n'
    "\td=J(AI)or''\n"
    '\tfor e in(AJ[f]for f in EK(a,b)):c+=[f"+kernel {CI(e)} = 1"]if BC(e)!=\'1\'else[];c+=[f"+{AI} {CI(e)} = 1"]if f"{e} = 1\\n"not in d else[]\n'
    'def HD(a,b):return[*(GY(b)if 6 in a else[]),*(AJ[c]for c in a)]\n'
    'def GY(a):\n'
    '\tb=[]\n'
    "\tfor c in sorted(V('proc/sys/net/ipv6/conf')):\n"
    '\t\td=f"net/ipv6/conf/{c}/accept_ra"\n'
    "\t\tif c=='all'or c.startswith(EG)or CM(c):continue\n"
    "\t\tif d in a or BC(d)=='1':b.append(d)\n"
    '\treturn b\n'
    'def HB(a,b,c):\n'
    '\td=[e for e in a if e not in b];f=[e for e in GJ()if CM(e)and HA(e)]if d else[]\n'
    '\tif not f:return[]\n'
    '\tc.append(f"forwarding stays on, which an earlier policy switched on: {\' and \'.join(f)} may need it");return d\n'
    'def HA(a):\n'
    '\timport fcntl\n'
    "\twith socket.socket(socket.AF_INET,socket.SOCK_DGRAM)as b,contextlib.suppress(OSError):c=fcntl.ioctl(b,EH,struct.pack('16s16x',a.encode()));return bool(struct.unpack_from('16xH',c)[0]&EF)\n"
    '\treturn False\n'
    'def X(a):return a in AJ.values()\n'
    "def BB(a):return'1'if X(a)else'2'\n"
    "def CI(a):return a.replace('.','\\x00').replace('/','.').replace('\\x00','/')\n"
    'def EI():return EJ(P(W))\n'
    'def EJ(a):return{b:str(c)for(b,c)in a.items()}\n'
    'def HE(a,b,c):\n'
    '\tif not a:GN([W,AI,*GZ()],c);return\n'
    '\td=\'# Made by vps-firewall, for what its policy forwards. Changes here are lost.\\n\';e={W:(U(b),384),AI:(d+\'\'.join(f"{f} = {BB(f)}\\n"for f in a),420)}\n'
    '\tif AJ[6]in a:e.update(dict.fromkeys(HC(),(f"{d}[Network]\\nIPv6AcceptRA=yes\\n",420)))\n'
    '\tAV(e,c)\n'
    'def HC():\n'
    '\tfor(a,b)in AU():\n'
    '\t\tc=Q(f"run/systemd/netif/links/{socket.if_nametoindex(b)}")if a==6 else\'\'\n'
    '\t\tif(d:=re.search(\'(?m)^NETWORK_FILE=\\\\S*/([^/\\\\s]+\\\\.network)$\',c)):yield f"{AK}/{d[1]}.d/{BA}"\n'
    'def GZ():a=[b for b in V(AK)if b.endswith(\'.network.d\')];return[f"{AK}/{b}/{BA}"for b in a if BA in V(f"{AK}/{b}")]\n'
    'def BC(a):return Q(f"proc/sys/{a}").strip()\n'
    'def CJ(a,b):\n'
    "\tc=os.path.join('/proc/sys',a)\n"
    '\ttry:GO(c,b)\n'
    '\texcept FileNotFoundError:return\n'
    '\texcept OSError as d:raise A(f"{c} cannot be written ({d.strerror}), as in a container; whoever runs it has to set {CI(a)} = {b}")from None\n'
    '@dataclass(frozen=True)\n'
    'class HS:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class HU:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class HT:p_:0;ao_:0\n'
    "def ER(a):b=tuple(HS(c['backend'],EQ(c['texts']))for c in a['candidates']);return HU(a['name'],b,EQ(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def EQ(a):return{int(b):c for(b,c)in a.items()}\n'
    'def EU(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "AN='inet vps_firewall'\n"
    "def AO(a):a=re.sub('\\\\t# count \\\\d+$','',a,flags=re.MULTILINE);return re.sub('(\\\\tflags dynamic[^\\\\n]*\\\\n(?:\\\\t\\\\t\\\\w[^\\\\n]*\\\\n)*?)\\\\t\\\\telements = \\\\{[^}]*\\\\}\\\\n','\\\\1',a)\n"
    'def FD(a):\n'
    "\tb,c='',[]\n"
    '\tfor d in a.splitlines():\n'
    '\t\tif d.startswith(\'\\t\\t\'):c.append(f"{b}: {d.strip()}")\n'
    "\t\telif d.startswith('\\t')and d.endswith(' {'):b=d[1:-2];c.append(b)\n"
    "\treturn'\\n'.join(c)\n"
    'class FR:\n'
    "\tname='nftables';families=0,;shares_tables=False;r_='nft',\n"
    '\tdef z_(a,b,c):return[f"{c[\'nft\']} -f {b[0]}"]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\tif b:K('nft','-f','-',text=b[0],pass_fds=pass_fds)\n"
    '\tdef dump(a,b):\n'
    "\t\tc=CC('nft','-s','list','table',*AN.split());d,e,f=EA(c,'nft')\n"
    "\t\tif d==1 and f.startswith('Error: No such file or directory'):return{0:''}\n"
    "\t\tif d:raise B(EB('nft',d,f))\n"
    '\t\tif not e.startswith(f"table {AN} {{")or not e.rstrip().endswith(\'}\'):raise B(\'nft printed something that is not a table\')\n'
    '\t\treturn{0:e}\n'
    '\tdef ar_(a,b,pass_fds=()):a.load({0:DD+AO(b[0])},(),pass_fds)\n'
    '\tdef aa_(a,b,c,d,e,h_):\n'
    '\t\tif c[0]and e and not a.j_(c,d()):return{},[]\n'
    '\t\treturn dict(b),[]\n'
    '\tdef j_(a,b,c):d,e=AO(b[0]),AO(c[0]);return[]if d==e else EU(FD(e),FD(d))\n'
    '\tdef at_(a,b,c):return AO(b[0])==AO(c[0])\n'
    '\tdef ap_(a,b,h_):return[]\n'
    '\tdef ax_(a,b,c,h_):return{0:b[0]},[]\n'
    'DD=f"table {AN}\\ndelete table {AN}\\n"\n'
    "CN='vps-firewall'\n"
    "C='VPSFW-'\n"
    "EV=C+'LIST-'\n"
    "G=C+'BANS'\n"
    "N={'mangle':('forward',),'filter':('input','forward','output')}\n"
    "D={'nat':('prerouting','postrouting')}\n"
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
    'def FC(a):\n'
    '\tif f"\\n-A {G} "not in a:return a\n'
    '\treturn\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {G} ")or EZ(b))\n'
    "def EZ(a):return AM(a)=='ACCEPT'\n"
    'def IG(a):return a.count(f"\\n-A {G} ")if f"\\n:{G} "in a else None\n'
    'def BF(a):\n'
    '\tb={}\n'
    '\tfor c in f"\\n{a}".split(\'\\n*\')[1:]:\n'
    "\t\td,e,f=c.partition('\\n-A ');g,e,d=d.partition('\\n')\n"
    '\t\tif g in N or g in D and IH(f"\\n{c}"):b[g]=re.sub(\'\\\\[\\\\d+:\\\\d+\\\\]\',\'\',d),f[:f.rfind(\'\\nCOMMIT\')]\n'
    '\treturn b\n'
    'def H(a):return f\'--comment "{CN} \'in a or f"-j {C}"in a and AM(a).startswith(C)\n'
    'def IH(a):return f"\\n:{C}"in a or H(a)\n'
    'def FA(a,b,c=()):\n'
    '\td=AM(b)\n'
    "\tif CP(b)or a.a_.get(d)=='-'and not d.startswith((C,*c)):return True\n"
    "\te=re.findall('(?:^| )-[io] (\\\\S+)',BE(b));return any(CM(f)and f not in ET for f in e)\n"
    'def CP(a):return bool(EX.search(f" {BE(a)}"))\n'
    "EX=re.compile('(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\\\\b|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\\\\b')\n"
    "def AM(a):b=re.search('(?:^| )-[jg] (\\\\S+)',BE(a));return b[1]if b else''\n"
    'def BE(a):return re.sub(\'"(?:\\\\\\\\.|[^"\\\\\\\\])*"\',\'""\',a)\n'
    'def BG(a,b,c,d=()):\n'
    '\tif H(c)or a in D:return False\n'
    "\treturn AM(c)in('ACCEPT','RETURN')if a=='mangle'else not FA(b,c,d)\n"
    'def IK(a,b=()):return[*(f"filter {c[3:]}"for c in a.split(\'\\n\')if c.startswith(f"-A {G} ")and EZ(c)),*(f"{d} {e.upper()} {f}"for(d,g)in CO(a).items()for e in N.get(d,())for f in g.b_.get(e.upper(),())if BG(d,g,f,b))]\n'
    'def CO(a):return M(\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {C}")))\n'
    "def IJ(a):return bool(IG(a))or any(b.a_.get(c)=='-'and not c.startswith(C)or any(not H(d)for d in e)for(f,b)in CO(a).items()if f in N or f in D for(c,e)in b.b_.items())\n"
    "def FB(text):return all(EY.match(a)or H(a)for a in text.split('\\n'))\n"
    'EY=re.compile(rf"\\s*$|#|\\*|COMMIT\\b|:(?:{C}|\\w+ ACCEPT\\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {C}")\n'
    "def II(a):return bool(re.search('--\\\\w+-set ',BE(a)))\n"
    'def ID(a,b,c=()):\n'
    '\ta=FC(a)\n'
    "\tif BF(a)==BF(b):return''\n"
    "\td,e=M(a),M(b);return''.join(IB(f,d.get(f,L()),IA(f,d,e),c)for f in(*N,*D))\n"
    'def IA(a,b,c):\n'
    '\tif a in c or a not in D:return c.get(a,L())\n'
    "\treturn L({d.upper():'ACCEPT'for d in D[a]if a in b},{e.upper():[]for e in D[a]})\n"
    'def IB(a,b,c,d):\n'
    '\te,f,g,h=[],[],[],[];i={}\n'
    '\tfor(j,k)in c.a_.items():\n'
    "\t\tif k=='-':\n"
    '\t\t\tif j==G and G in b.a_:f+=[f"-D {G} {l}\\n"for l in b.b_[G]]\n'
    '\t\t\telif j.startswith(C)and b.b_.get(j)!=c.b_[j]:\n'
    '\t\t\t\tm=[f"-A {j} {l}\\n"for l in c.b_[j]]\n'
    '\t\t\t\tif j.startswith(EV):i[j]=m\n'
    '\t\t\t\telse:e.append(f":{j} - [0:0]\\n");g+=m\n'
    '\t\t\tcontinue\n'
    '\t\tn,o=b.b_.get(j,[]),[p for p in c.b_[j]if H(p)];q=[p for p in n if BG(a,b,p,d)];r=any(H(p)and any(map(CP,n[s:]))for(s,p)in enumerate(n))\n'
    '\t\tif a not in D and k!=b.a_.get(j,\'ACCEPT\'):e.append(f":{j} {k} [0:0]\\n")\n'
    '\t\tif q or r or[p for p in n if H(p)]!=o:f+=[f"-D {j} {p}\\n"for p in n if H(p)or p in q];g+=[f"-A {j} {p}\\n"for p in o]\n'
    '\tfor j in b.a_:\n'
    '\t\tif j.startswith(C)and j not in(*c.a_,G):i[j]=[];h.append(f"-X {j}\\n")\n'
    '\tfor j in sorted(i,reverse=True):f+=[f":{j} - [0:0]\\n",*i[j]]\n'
    '\tt=[*e,*f,*g,*h];return f"*{a}\\n{\'\'.join(t)}COMMIT\\n"if t else\'\'\n'
    'def IC(a,b):\n'
    '\ta=FC(a)\n'
    '\tif BF(a)==BF(b):return[]\n'
    '\tc,d=M(a),M(b);e=[]\n'
    '\tfor f in(*N,*D):\n'
    '\t\tg,h=c.get(f,L()),d.get(f,L())\n'
    '\t\tfor(i,j)in h.a_.items():\n'
    "\t\t\tk=g.a_.get(i,'ACCEPT')\n"
    '\t\t\tif j not in(\'-\',k)and f not in D:e+=[f"-{f} {i} policy {k}",f"+{f} {i} policy {j}"]\n'
    '\t\tfor i in dict.fromkeys([*h.a_,*g.a_]):\n'
    "\t\t\tif h.a_.get(i)=='-'or i.startswith(C):l=g.b_.get(i)\n"
    '\t\t\telif i not in h.a_:continue\n'
    '\t\t\telse:l=[m for m in g.b_.get(i,[])if H(m)or BG(f,g,m)]\n'
    '\t\t\tif l!=h.b_.get(i):e+=HY(f"{f} {i}",l,h.b_.get(i))\n'
    '\treturn e\n'
    'def HY(a,b,c):d,e=set(b or()),set(c or());f=[g for g in c or()if g not in d];h=[g for g in b or()if g not in e];i=[f"-{a} {g}"for g in h]+[f"+{a} {g}"for g in f];return i or[f"+{a} (its rules in another order)"if b is not None else f"+{a} (chain)"]\n'
    'def IE(a,b):\n'
    '\tc,d=M(a),M(b);e=[]\n'
    '\tfor(f,g)in{**N,**D}.items():\n'
    '\t\tif f in D and not(EW(f,c)or EW(f,d)):continue\n'
    '\t\th,i=c.get(f,L()),d.get(f,L());j={k for k in h.a_ if b and k not in i.a_ and not k.startswith(C)}\n'
    '\t\tfor(l,m)in i.b_.items():\n'
    "\t\t\tif i.a_.get(l)!='-':n=[o for o in h.b_.get(l,[])if H(o)or o in m or not(AM(o)in j or CP(o))];h.b_[l]=[o for o in m if not H(o)and FA(i,o)and o not in n]+n\n"
    "\t\t\telif not l.startswith(C)or l==G and G in h.a_:h.a_[l],h.b_[l]='-',m\n"
    '\t\tfor l in j:h.a_.pop(l),h.b_.pop(l)\n'
    '\t\tp={q.upper():\'ACCEPT\'for q in g}|h.a_;e.append(f"*{f}\\n");e+=[f":{l} {r} [0:0]\\n"for(l,r)in p.items()];e+=[f"-A {l} {s}\\n"for(l,m)in h.b_.items()for s in m];e.append(\'COMMIT\\n\')\n'
    "\treturn''.join(e)\n"
    'def EW(a,b):c=b.get(a,L());return any(d.startswith(C)or any(map(H,e))for(d,e)in c.b_.items())\n'
    'def IF(text,a,b=()):\n'
    '\tfor(c,d)in HZ(a,b).items():e,f,g=text.partition(f"*{c}\\n");h,i,j=g.partition(\'-A \');text=f"{e}*{c}\\n{h}{\'\'.join(d)}{i}{j}";text+=\'\'if f else\'COMMIT\\n\'\n'
    '\treturn text\n'
    'def HZ(a,b=()):\n'
    '\tc={}\n'
    '\tfor(d,e)in sorted(CO(a).items()):\n'
    '\t\tf=[g.upper()for g in{**N,**D}.get(d,())];h=[i for i in e.b_ if not i.startswith((C,*b))];j=[f"-A {i} {k}\\n"for i in h for k in e.b_[i]if not(H(k)or i in f and BG(d,e,k,b))]\n'
    '\t\tif j:l=[i for i in h if i in e.a_ and i not in f];c[d]=[f":{i} {e.a_[i]} [0:0]\\n"for i in l]+j\n'
    '\treturn c\n'
    'DC=60\n'
    "AP={4:'iptables-restore',6:'ip6tables-restore'}\n"
    "AA={4:'iptables-save',6:'ip6tables-save'}\n"
    'class FQ:\n'
    "\tname='iptables';families=4,6;shares_tables=True;r_=*AP.values(),*AA.values(),'flock'\n"
    '\tdef z_(a,b,c):return[f"{c[d]} -w {DC} {b[e]}"for(e,d)in AP.items()]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\td=[([AP[e],*(['--noflush']if e in c else[]),'-w',str(10)],f)for(e,f)in b.items()if f]\n"
    '\t\tif len(d)>1:GW(d,pass_fds)\n'
    '\t\telse:\n'
    '\t\t\tfor(g,f)in d:K(*g,text=f,pass_fds=pass_fds)\n'
    '\tdef dump(a,b):\n'
    '\t\tc=[(CC(AA[d]),AA[d],0)for d in b];e=dict(zip(b,ED(c)))\n'
    '\t\tfor(d,f)in e.items():\n'
    '\t\t\tg=f.splitlines()\n'
    '\t\t\tif f.strip()and(\'*\'not in f or not all(h[:1]in\'#*:-C[\'for h in g if h)):raise B(f"{AA[d]} printed something that is not a dump")\n'
    '\t\treturn e\n'
    '\tdef ar_(a,b,pass_fds=()):\n'
    '\t\tc={}\n'
    '\t\twith contextlib.suppress(B):c=a.dump(tuple(b))\n'
    "\t\ta.load({d:IE(e,c.get(d,''))for(d,e)in b.items()},(),pass_fds)\n"
    '\tdef aa_(a,b,c,d,e,h_):\n'
    '\t\tf,g=dict(b),[];h=d()\n'
    '\t\tfor(i,j)in c.items():\n'
    '\t\t\tk=len(j)+len(f[i])<200000 or IJ(j)\n'
    "\t\t\tif'-A 'in j and(k or e):\n"
    '\t\t\t\tl=ID(j,h[i],BW(h_))\n'
    '\t\t\t\tif k or not l:f[i]=l\n'
    '\t\t\tif k:g.append(i)\n'
    '\t\treturn f,g\n'
    '\tdef j_(a,b,c):return[f"{d[0]}IPv{e} {d[1:]}"for(e,f)in c.items()for d in IC(b.get(e,\'\'),f)]\n'
    '\tdef at_(a,b,c):return all(M(b[d])==M(e)for(d,e)in c.items())\n'
    '\tdef ap_(a,b,h_):c=[f"IPv{d} {e}"for(d,f)in b.items()for e in IK(f,BW(h_))];g=[re.sub(\'( -[sd]|-range) \\\\S+\',\'\\\\1 ...\',e)for e in c[:6]];h=[f"and {len(c)-len(g)} more"]if len(c)>len(g)else[];return[f"rules of others that were taken out: {\'; \'.join(g+h)}"]if c else[]\n'
    '\tdef ax_(a,b,c,h_):\n'
    '\t\td,e=dict(b),[]\n'
    '\t\tfor(f,g)in c.items():\n'
    "\t\t\th=(J(g)or'').split('\\n');i=[j for j in h if not II(j)]\n"
    "\t\t\tif FB('\\n'.join(i)):continue\n"
    '\t\t\ttry:\n'
    "\t\t\t\twith AX()as k:k.submit(a.load,{f:'\\n'.join(i)}).result();l=k.submit(a.dump,(f,)).result()[f];m=IF(b[f],l,BW(h_));k.submit(a.load,{f:m}).result()\n"
    '\t\t\t\td[f]=m\n'
    '\t\t\t\tif len(i)<len(h):e.append(f"{g}: rules that name a set were left out: at boot it is not there")\n'
    '\t\t\texcept A as n:e.append(f"{g} could not be loaded, and nothing in it was kept: {n}")\n'
    '\t\treturn d,e\n'
    'AB={each.name:each for each in(FR(),FQ())}\n'
    'def HP(a):return CB(a)\n'
    '@dataclass(frozen=True)\n'
    'class HV:\n'
    '\tbackend:0;c_:0;n_:0=False\n'
    '\t@property\n'
    '\tdef d_(a):return(T,)if a.n_ else a.c_.d_\n'
    '\tdef r_(a,b=F):\n'
    '\t\tc={d:HP(d)for d in a.backend.r_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise AD(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def AL(a,b):c=AB[a];d=b.k_.ah_(a,c.families);e=b.d_&b.ak_ if d.x_ else b.d_;return HV(c,d,T in d.d_ or not e.issuperset(d.d_))\n'
    "def GU():a,b=P(AY),CG();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def FG(a,b):\n'
    '\tc={}\n'
    '\tfor(d,(e,f))in a.items():\n'
    "\t\tg=J(d,'surrogateescape')\n"
    '\t\tif f is None or g is None or not FH(g):continue\n'
    "\t\th=d+'.before-vps-firewall'\n"
    "\t\twhile J(h,'surrogateescape')not in(None,g):h+='~'\n"
    '\t\tc[h]=g,384;b.append(f"{d} was not ours: what stood there is in {h}")\n'
    '\treturn c\n'
    'def FH(text):return CN not in text and not FB(text)\n'
    "def FP(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':CG()if c.good else''};h={*GX(),*(i for i in a.d_ if not Y(i))};j={*DV(P(AZ),'disabled'),*(AH[k]for k in d.h_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AY:(U(g),384),AZ:(U(l),384)};return CX(a,b,c.fallback,e,f,also=m)\n"
    'def CX(a,b,fallback,c,d,also=None):\n'
    '\te=a.c_;f=HO(a.backend,e,a.n_,a.r_(F));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.e_.items()}\n'
    '\tif not a.n_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.e_.items()})\n'
    "\tif not a.n_ and e.s_:l=J(F/e.s_,'surrogateescape');j[e.s_]=GP(l,e.e_[0]),None\n"
    '\tm=FG({**j,**g},d);n={**m,**j,**g,**(also or{})};o=AV({F/h:p for(h,p)in n.items()},c);d+=CW(o)\n'
    '\tif any(h in o for h in g):HM()\n'
    '\treturn o\n'
    'def FO(a,b):c=[d for d in b.k_.o_.values()if d.e_!=a.c_.e_];e=[f for d in c for f in d.d_];return[f for f in e if f not in a.d_ and Y(f)]\n'
    'def CV(a,b):\n'
    '\tfor c in a.d_:\n'
    '\t\tif not Y(c):b.append(c);HK(c)\n'
    '\tif b:DW()\n'
    'def CW(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):K('restorecon',*a,limit=3.)\n"
    '\texcept B as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def CT(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in FO(a,b):EN(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {I(f)}")\n'
    '\treturn d\n'
    "CY='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def BI():return P(CE)or P(CD)\n'
    'def DB(a):\n'
    '\tb={c:DA(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',U({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):AV({CE:(U(a),384),CD:(d,420)},AG())\n'
    "def DA(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def CZ(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.c_.e_.values()),'services':list(a.d_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class Z:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.u_=BI();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
    '\t@contextlib.contextmanager\n'
    '\tdef g_(a,b):\n'
    '\t\tc=time.monotonic()\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException:a.failed_in=a.failed_in or b;raise\n'
    '\t\tfinally:a.steps[b]=round(time.monotonic()-c,4)\n'
    '\t@contextlib.contextmanager\n'
    '\tdef aq_(a):\n'
    '\t\ttry:yield\n'
    '\t\texcept BaseException as b:a.ac_(b);raise\n'
    '\t\tfinally:a.write()\n'
    "\tdef ac_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':BL(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.u_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in CY if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];DB(a.status)\n"
    '\tdef ad_(a,b,c):\n'
    '\t\tif c:return A(f"{I(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,AC)and a.failed_in==\'load\':return AC(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return GD(f"{I(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class FL:i_:0;texts:0;m_:0;au_:0;w_:0;f_:0;notes:0\n'
    'def FN(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in FM(a,b):\n'
    '\t\tj=AL(g,b);k=j.backend\n'
    "\t\ttry:j.r_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(AX());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(CU,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return FL(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(map(str,e))\n"
    '\tif all(isinstance(t,AD)for t in e):raise AD(s)\n'
    '\traise AC(f"{s}; nothing was changed")\n'
    'def FM(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.t_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def CU(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(BH)-c[f].count(BH))for(f,e)in b.items())):raise B(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'BH=\'comment "\'\n'
    'def FK(a,b,c):\n'
    "\td=AL(b,c);e,f=d.backend,next(g.texts for g in a.candidates if g.backend==b);h=BI().get('skipped_families',());i=[]\n"
    '\twith BV(),AX()as j:\n'
    '\t\tk={l:m for(l,m)in f.items()if l not in h};j.submit(e.load,k).result();n=j.submit(CU,e,k).result()\n'
    '\t\tfor(l,o)in d.c_.e_.items():i+=FI(e,l,o,f[l],n)\n'
    '\t\tp=[q for q in d.d_ if not Y(q)];i+=[f"+{q} enabled: nothing loads the rules at boot"for q in p];i+=FJ(e.j_(e.dump(tuple(k)),n))\n'
    '\tHG(a.source,c,i);return i\n'
    'def FI(a,b,c,text,d):\n'
    '\te=J(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith AX()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept B as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.j_(g,{b:d[b]})\n'
    '\telse:i=EU(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def FJ(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class S:\n'
    '\tstatus:0;problems:0=();notes:0=();ab_:0=False;av_:0=False\n'
    '\t@property\n'
    "\tdef v_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def CS(a,b,c=None):\n'
    '\tc=c or Z()\n'
    '\twith BV()as d,c.aq_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.g_('rehearse'):f=FN(a,b,e)\n"
    "\t\twith c.g_('keep'):g=f.f_.result()\n"
    "\t\th,i=f.i_,f.i_.backend;c.notes+=f.notes;c.status.update(CZ(h,a,f.texts));c.status['skipped_families']=list(f.au_);c.write();j=AG(ai_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.g_('load'):l=CR(f,g,b,d)\n"
    "\t\t\twith c.g_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.m_))\n'
    '\t\t\t\tif(n:=i.j_(m,f.w_.result())):raise GC(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    '\t\t\tHF(a.source,b,j,c.notes)\n'
    "\t\t\twith c.g_('save'):o,p=i.ax_(f.texts,h.c_.e_,b.h_);c.notes+=p;q=FP(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.g_('enable'):CV(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.g_('roll back'):s=FF(c,h,g,j,k,d)\n"
    '\t\t\traise c.ad_(r,s)from r.__cause__\n'
    "\t\twith c.g_('disable others'):j.ae_();c.notes+=i.ap_(g,b.h_)if l else[];t=FE(f,b,c.notes,d);c.notes+=CT(h,b,c.u_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return S(c.status,ab_=not t)\n"
    "def CR(a,b,c,d):e,f=a.i_.backend,a.i_.c_.e_;g=all((J(f[h])or'').startswith(i)for(h,i)in a.m_.items());j,k=e.aa_(a.m_,b,a.w_.result,g,c.h_);e.load(j,k,[d]);return any(j.values())\n"
    'def FF(a,b,c,d,e,f):\n'
    '\tg=[];HH(d)\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):EN(h)\n'
    '\ttry:d.aw_();a.notes+=CW([i for(i,j)in d.f_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {I(k)}")\n'
    '\ttry:\n'
    '\t\tif not CQ(b,c):b.backend.ar_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not CQ(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def CQ(a,b):\n'
    '\ttry:return a.backend.at_(a.backend.dump(tuple(b)),b)\n'
    '\texcept B:return False\n'
    'def FE(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.h_:\n'
    '\t\tif(g:=GT(f,a.i_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.h_:\n'
    '\t\ttry:CR(a,a.i_.backend.dump(tuple(a.m_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.h_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    "BD='auto'\n"
    'def CL(a,b):\n'
    '\tif a in AB:return AL(a,b),\n'
    '\tc=HR(b);return tuple(AL(d,b)for d in sorted(AB,key=lambda e:e!=c))\n'
    'def HR(a):\n'
    '\tb=a.k_.o_\n'
    "\tfor c in('iptables','nftables'):\n"
    '\t\tif c in b and any(d in a.d_ for d in b[c].d_):return c\n'
    "\treturn'iptables'if 0<a.major<=a.k_.ag_ else'nftables'\n"
    'def HQ(a,b):c=[d.backend.name for d in CL(BD,b)];return replace(a,candidates=tuple(sorted(a.candidates,key=lambda e:c.index(e.backend))))\n'
    "AQ=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def FY(a,b,c=(),d=Z):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tDW()\n'
    '\t\tif not any(f.good for f in a.p_):\n'
    '\t\t\tg=DG(a.p_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,h_=BX())\n'
    "\t\twith e.g_('parse'):f=a.ao_()\n"
    '\t\treturn CS(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=DH(a.p_,b,h,e,d)\n'
    '\t\texcept Exception as j:return S({},[f"{I(j)}; and before it: {I(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,AE)and not any(l.am_ for l in h.problems);m=k and bool(i['services'])and not BX();return S(i,BL(h),e.notes,m,isinstance(h,AC))\n"
    'def DH(a,b,c,d,e=Z):\n'
    "\tf,g=DG(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':BL(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tDB(i)\n'
    "\tif'open'not in i:raise GE('nothing could close this host')\n"
    '\treturn i\n'
    'def DG(a,b,c):\n'
    '\tfor(d,e)in FS(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def FS(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(FW,f,b,c))\n'
    '\t\tyield(d,partial(DF,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(DF,d,b,c,whole=False))\n'
    "def FW(a,b,c):return CS(a,b,c('first boot',())).status\n"
    'def DF(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(AB[f.backend].families)):\n'
    '\t\twith contextlib.suppress(B):return FT(a,e,b,c,d)\n'
    '\traise B\n'
    'def FT(a,b,c,d,e):\n'
    '\tf,g=AL(b.backend,c),b.texts;h=[];i=CZ(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept B as l:\n'
    '\t\t\tif e and(j!=6 or c.t_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise B('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),BV()as m:h+=CT(f,c)\n'
    '\ttry:CX(f,g,a.fallback,AG(),h);CV(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {I(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def FX(a,b,c,d,e=(),f=lambda:None,g=Z):\n'
    '\tdef h():\n'
    '\t\tp=a();q=FY(b(p),p,e,g)\n'
    '\t\tif not q.problems:\n'
    "\t\t\tfor r in q.status['notes']:AQ.info('%s',r)\n"
    "\t\t\tAQ.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(q)\n'
    '\tdef k():\n'
    '\t\ttry:return S(**DI(h))\n'
    '\t\texcept DE as p:q=p\n'
    "\t\tdef r():s,t=a(),Z('cloud-init',e);return asdict(S(DH(b(s).p_,s,q,t),[str(q)],t.notes))\n"
    '\t\treturn S(**DI(r))\n'
    '\tj,l,i=k(),J(CF),a();m=CL(c,i)\n'
    '\tfor n in(*m,*(o for o in CL(BD,i)if o not in m)):\n'
    '\t\tif FV(n,m,j):e=[*j.notes,FU(n,d,j,l)];j=k()\n'
    '\tif j.ab_:f()\n'
    '\tif not j.status:raise A(j.problems[0])\n'
    '\treturn[*j.problems]\n'
    'class DE(A):0\n'
    'def DI(a):\n'
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
    '\tif os.WIFSIGNALED(j)or not i:raise DE(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def FZ():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def BJ(a):\n'
    '\twith contextlib.suppress(AD):return bool(a.r_())\n'
    '\treturn False\n'
    'def FV(a,b,c):\n'
    '\tif not c.problems or BJ(a):return False\n'
    '\tif c.v_:return a in b and(c.av_ or not any(map(BJ,b)))\n'
    '\treturn True\n'
    'def FU(a,b,c,d):\n'
    '\te,f=a.c_.al_,CG()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:AQ.info('%s could not be installed: %s',e,g)\n"
    '\t\tif BJ(a):h=f"unprotected for up to {FZ()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.v_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):DU({CF:f},AG(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def EP(a):\n'
    '\tfor b in GK():\n'
    "\t\tif any(HW(c,b)for c in a.get('trusted',())):return b\n"
    "\treturn''\n"
    "DJ=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AR='vps_firewall'\n"
    'public=DA\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend',BD));return FX(DL,lambda g:GA(e,d,g),f,b,(),c)\n"
    'def DL():return GI(frozenset())\n'
    'def GA(a,b,c):\n'
    "\td=DK();e,f,g=(HQ(h,c)for h in map(ER,d['plans']));i=e.source['section'];j=[replace(e,name='the last good policy')]if GU()==i else[];j+=[f]if all(a.get(k)==i.get(k)for k in('ssh','lists'))else[];l=d['default_port']and[*b]!=['22']\n"
    '\tdef m():\n'
    '\t\tif l:n=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise AE([BK(f"{AR}.ssh",n)])\n'
    "\t\tif a!=i:raise AE([BK(AR,'is not what this bundle was made of; make it again')])\n"
    '\t\tif EP(e.source):n=f"{EP(e.source)} has the default route here, and is trusted; name networks";raise AE([BK(f"{AR}.allow",n)])\n'
    '\t\treturn e\n'
    '\treturn HT([]if l else[*j,g],m)\n'
    'def DK():\n'
    "\twith open(DJ,encoding='utf-8')as a:return json.load(a)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(U(BI()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=P(AY)\n'
    "\t\tfor b in map(ER,DK()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=FK(b,str(a.get('backend')),DL());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {I(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
