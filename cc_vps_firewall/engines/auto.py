"""The engine called auto -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "a97d4cbd1454fcdedab68fa4217e77e636e7497989884690fb874fde81bbad70"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,socket,struct,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class BJ:\n'
    '\tpath:0;aj_:0;am_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.aj_}"\n'
    'class A(Exception):exit_code=1\n'
    'class AD(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class AC(A):exit_code=3\n'
    'class AB(A):exit_code=4\n'
    'class GA(A):exit_code=5\n'
    'class FZ(A):exit_code=6\n'
    'class FY(A):0\n'
    'class B(AB):0\n'
    'class GB(A):0\n'
    'def H(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def BK(a):return[str(b)for b in a.problems]if isinstance(a,AD)else[H(a)]\n'
    'class HU:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'F=HU()\n'
    "BQ='/run/vps-firewall.lock'\n"
    "BS='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'BR=60\n'
    '@dataclass\n'
    'class AF:\n'
    '\tf_:0=field(default_factory=dict);ai_:0=False\n'
    '\tdef aw_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.f_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(E(c).l_):os.rename(E(c).l_,E(c).c_);N(c)\n'
    '\t\t\t\telse:GN(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ae_(a):\n'
    '\t\tfor b in a.f_:N(b)\n'
    'def DT(a,b,mode=384):return AT({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def AT(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tN(d);g,h=e.encode('utf-8','surrogateescape'),BT(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;DR(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.ai_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(E(d).c_,E(d).l_)\n'
    '\t\tfor(d,h)in c.items():os.rename(E(d).q_,E(d).c_);b.f_.setdefault(d,h)\n'
    '\t\tDS(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.f_:N(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def GN(a,b,mode):N(a);DR(a,b,mode);os.rename(E(a).q_,E(a).c_);DS([a])\n'
    'def DV():os.sync()\n'
    'def GL(a,b):\n'
    '\twith open(a,\'r+\',encoding=\'ascii\')as c:c.write(f"{b}\\n")\n'
    'def N(a):\n'
    '\tfor b in(E(a).q_,E(a).l_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class GI:c_:0;q_:0;l_:0\n'
    'def E(a):b=os.path.realpath(a);c,d=os.path.split(b);return GI(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def DR(a,b,mode):\n'
    '\tc=E(a);d=os.path.dirname(c.c_)\n'
    '\ttry:\n'
    '\t\tDQ(d)\n'
    "\t\tif os.path.exists(c.c_)and not os.path.isfile(c.c_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.q_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);DP(f.fileno(),d,c.c_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:N(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def DP(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def DQ(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);DQ(b);os.mkdir(a);os.chmod(a,493);DP(a,b,b)\n'
    'def DS(a):\n'
    '\tfor b in{os.path.dirname(E(c).c_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def BT(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    'def GJ(a,b):\n'
    '\tN(a)\n'
    '\tif(c:=BT(a))is not None:b.f_.setdefault(a,c);os.unlink(a)\n'
    'def GK(a,b):\n'
    '\tc=[]\n'
    '\tfor d in a:\n'
    '\t\tif os.path.lexists(F/d):c.append(f"removed {d.lstrip(\'/\')}")\n'
    '\t\tGJ(F/d,b)\n'
    '\treturn c\n'
    "def I(a,b='replace'):c=BT(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def P(a):\n'
    '\ttry:\n'
    "\t\twith open(F/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def U(a):\n'
    '\ttry:return sorted(os.listdir(F/a))\n'
    '\texcept OSError:return[]\n'
    'def GM(text,a):\n'
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
    'def DU(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def O(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def BU():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(BQ),exist_ok=True);a=os.open(BQ,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+BR\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {BR} s; nothing was changed";raise FY(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "DY='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'BZ=threading.local()\n'
    "def ED():a=[*DY,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def CA(a):return shutil.which(a,path=ED())or''\n"
    "def J(*a,text='',pass_fds=(),limit=0):return EB(CB(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def CB(*a,text='',pass_fds=()):\n"
    '\tif not text:return BY(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith BX(text)as b:return BY(a,b,pass_fds)\n'
    'def EB(a,b,c=0,limit=0):\n'
    '\td,e,f=DZ(a,b,c,limit)\n'
    '\tif d:raise B(EA(b,d,f))\n'
    '\treturn e\n'
    'def EA(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def DZ(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise B(f"{b} gave no answer in {d:.0f} s")from None\n'
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
    '\tif not c:raise B(f"{a[0]} is not installed")\n'
    "\td={'PATH':ED(),'LC_ALL':'C'}\n"
    "\tif getattr(BZ,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise B(f"{a[0]}: {e.strerror}")from None\n'
    'def GT(a,pass_fds):\n'
    '\timport fcntl\n'
    '\twith contextlib.ExitStack()as b:c=b.enter_context(BX(\'\'));fcntl.flock(c,fcntl.LOCK_EX);d=\'flock\',\'--shared\',\'--timeout\',str(10),f"/proc/self/fd/{c}";e=[BY([*d,CA(f[0])or f[0],*f[1:]],b.enter_context(BX(g)),[c,*pass_fds])for(f,g)in a];fcntl.flock(c,fcntl.LOCK_UN)\n'
    '\tEC((h,f[0],len(g))for(h,(f,g))in zip(e,a))\n'
    'def EC(a):\n'
    '\tb,c=[],[]\n'
    '\tfor(d,e,f)in a:\n'
    '\t\ttry:b.append(EB(d,e,f))\n'
    '\t\texcept B as g:c.append(str(g))\n'
    "\tif c:raise B('; '.join(c))\n"
    '\treturn b\n'
    '@contextmanager\n'
    'def AV():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(GS).result();yield a\n"
    'def GS():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise AC(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tBZ.alone=True\n'
    "ER='docker*','br-*','podman*','cni*','lxdbr*','incusbr*','lxcbr*','virbr*'\n"
    "ES='br-ex','br-lan','br-wan'\n"
    'def HT(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "def CL(a):return a.startswith(tuple(b.rstrip('*')for b in ER))\n"
    "S='vps-firewall.service'\n"
    "DN='/etc/vps-firewall'\n"
    "DM={0:'nft',4:'v4',6:'v6'}\n"
    "AR='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class AE:e_:0;d_:0=(S,);al_:0='';s_:0='';fallback:0='';y_:0='';x_:0=False;an_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class BM:\n'
    '\tname:0;af_:0=frozenset();ag_:0=0;o_:0=field(default_factory=dict)\n'
    '\tdef ah_(a,b,c):d={e:f"{DN}/rules.{DM[e]}"for e in c};return a.o_.get(b)or AE(d,al_=b)\n'
    "BP='/etc/nftables/vps-firewall.nft'\n"
    "AQ=BM('other')\n"
    "DO=BM('redhat',frozenset({'rhel','fedora','centos'}),ag_=9,o_={'iptables':AE({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',y_=AR+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':AE({0:BP},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',y_=AR)})\n"
    'DL=BM(\'debian\',frozenset({\'debian\',\'ubuntu\'}),o_={\'iptables\':AE({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',an_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':AE({0:BP},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',y_=AR,x_=True)})\n'
    'BL={each.name:each for each in(DO,DL,AQ)}\n'
    'BN=tuple(place for each in BL.values()for place in each.o_.values())\n'
    'BO=frozenset(unit for place in BN for unit in place.d_)|{S}\n'
    "DX='cloud-init-local.service'\n"
    "CJ='/etc/systemd/system'\n"
    'def EN(a):b=os.path.realpath(F/os.devnull);return any(os.path.realpath(F/f"{c}/{a}")==b for c in BS)\n'
    'def X(a):return not EN(a)and any(a in U(f"etc/systemd/system/{b}")for b in U(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def HL(a,b,c,d):\n'
    '\tif c:return{f"{CJ}/{S}":HI(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+EK;return{HG(f):e+b.y_.replace('UNIT',f.partition('.')[0])for f in b.d_}\n"
    'def HG(a):return f"{CJ}/{a}.d/vps-firewall.conf"\n'
    'EK=f"[Unit]\\nBefore={DX}\\n"\n'
    'def HI(a,b,c):d=a.z_(b.e_,c);e=\'\'.join(f"After={f}\\n"for f in b.d_ if b.x_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def EL():return[]\n'
    "def HH(a):J('systemctl',*EL(),'enable',a)\n"
    "def HF(a):J('systemctl','disable',a,'--no-reload');J('systemctl','mask',a,'--no-reload')\n"
    'def HK(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):J('systemctl','stop',a)\n"
    "def EM(a):J('systemctl',*EL(),'disable',a)\n"
    'def HJ():\n'
    "\tif os.path.isdir('/run/systemd/system'):J('systemctl','daemon-reload')\n"
    "AU='/etc/ufw/ufw.conf'\n"
    "AG={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    "DW={'firewalld':'FWD','ufw':'ufw'}\n"
    'def BW():return tuple(a for a in AG if GP(a))\n'
    'def GP(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',P(AU)))\n'
    '\treturn X(AG[a])\n'
    'def BV(a):return tuple(DW[b]for b in a)\n'
    'def GQ(a,b):\n'
    '\tc=AG[a];d=[lambda:HF(c),lambda:HK(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:GO(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(H(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def GO(a):\n'
    "\tb=I(AU,'surrogateescape')or'';DT({AU:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},AF(),mode=None)\n"
    "\tif not a.shares_tables:J('ufw','--force','disable')\n"
    "Q='/var/lib/vps-firewall'\n"
    'CD=f"{Q}/status-private.json"\n'
    'CC=f"{Q}/status.json"\n'
    'AW=f"{Q}/policy.json"\n'
    'AX=f"{Q}/services.json"\n'
    'CE=f"{Q}/tools"\n'
    "def CF():a=(I('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    "def GU():return frozenset(DU(O(AX),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class GC:k_:0=AQ;major:0=0;d_:0=frozenset();ak_:0=frozenset();h_:0=();t_:0=True\n'
    "def GF(a):b=GE();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return GC(k_=next((d for d in BL.values()if d.af_&c),AQ),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),d_=frozenset(e for e in BO if GD(e)),ak_=frozenset(e for e in BO if X(e))-a,h_=BW(),t_=os.path.exists(F/'proc/net/if_inet6'))\n"
    'def GD(a):b=any(a in U(c)for c in BS);d=[e for f in BN if a in f.d_ for e in f.an_];return b and all(os.path.exists(F/e)for e in d)and not EN(a)\n'
    'def GG():return tuple(a for(b,a)in socket.if_nameindex())\n'
    'def GH():return tuple(dict.fromkeys(a for(b,a)in AS()))\n'
    "def AS():a=[b.split()for b in P('proc/net/route').splitlines()];c=[(4,d[0])for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in P('proc/net/ipv6_route').splitlines()];c+=[(6,d[-1])for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e[1]!='lo'))\n"
    'def GE():a=P(\'etc/os-release\')or P(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    "AI={4:'net/ipv4/ip_forward',6:'net/ipv6/conf/all/forwarding'}\n"
    "AH='/etc/sysctl.d/99-vps-firewall.conf'\n"
    'V=f"{Q}/forwarding.json"\n'
    "AJ,AY='/etc/systemd/network','vps-firewall-forwarding.conf'\n"
    'EG,EE=35091,1\n'
    'CG=5.\n'
    "EF='lo','veth','vnet','tap'\n"
    "def EJ(a,b):c=a.get('forward');return tuple(d for d in c if d==4 or b.t_)if isinstance(c,(list,tuple))else()\n"
    'def HC(a,b,c,d):\n'
    '\te=EH();f=HA(EJ(a,b),e);f+=GY(e,f,d);g=[h for h in f if BA(h)!=AZ(h)];i={h:e.get(h)or BA(h)for h in f if h in e or h in g};j=AS();HB(f,i,c)\n'
    '\tfor h in sorted(g,key=W):CI(h,AZ(h))\n'
    '\tfor h in sorted(e.keys()-i.keys(),key=W,reverse=True):CI(h,e[h])\n'
    '\tif any(map(W,g))and j:\n'
    '\t\ttime.sleep(CG);k=AS()\n'
    '\t\tif(l:=dict.fromkeys(m[1]for m in j if m not in k)):raise A(f"the default route by {\' and \'.join(l)} was gone {CG:.0f} s after forwarding was switched on; a static route, or accept_ra=2 in what configures that interface, would stay")\n'
    'def HE(a):\n'
    '\tif V not in a.f_:return\n'
    '\tb=a.f_[V];c,d=EI(json.loads(b[0])if b else{}),EH();e=[(f,d[f])for f in sorted(d.keys()-c.keys(),key=W,reverse=True)]\n'
    '\tfor(f,g)in[*e,*((f,AZ(f))for f in sorted(c.keys()-d.keys(),key=W))]:\n'
    '\t\twith contextlib.suppress(A):CI(f,g)\n'
    'def HD(a,b,c):\n'
    "\td=I(AH)or''\n"
    '\tfor e in(AI[f]for f in EJ(a,b)):c+=[f"+kernel {CH(e)} = 1"]if BA(e)!=\'1\'else[];c+=[f"+{AH} {CH(e)} = 1"]if f"{e} = 1\\n"not in d else[]\n'
    'def HA(a,b):return[*(GV(b)if 6 in a else[]),*(AI[c]for c in a)]\n'
    'def GV(a):\n'
    '\tb=[]\n'
    "\tfor c in sorted(U('proc/sys/net/ipv6/conf')):\n"
    '\t\td=f"net/ipv6/conf/{c}/accept_ra"\n'
    "\t\tif c=='all'or c.startswith(EF)or CL(c):continue\n"
    "\t\tif d in a or BA(d)=='1':b.append(d)\n"
    '\treturn b\n'
    'def GY(a,b,c):\n'
    '\td=[e for e in a if e not in b];f=[e for e in GG()if CL(e)and GX(e)]if d else[]\n'
    '\tif not f:return[]\n'
    '\tc.append(f"forwarding stays on, which an earlier policy switched on: {\' and \'.join(f)} may need it");return d\n'
    'def GX(a):\n'
    '\timport fcntl\n'
    "\twith socket.socket(socket.AF_INET,socket.SOCK_DGRAM)as b,contextlib.suppress(OSError):c=fcntl.ioctl(b,EG,struct.pack('16s16x',a.encode()));return bool(struct.unpack_from('16xH',c)[0]&EE)\n"
    '\treturn False\n'
    'def W(a):return a in AI.values()\n'
    "def AZ(a):return'1'if W(a)else'2'\n"
    "def CH(a):return a.replace('.','\\x00').replace('/','.').replace('\\x00','/')\n"
    'def EH():return EI(O(V))\n'
    'def EI(a):return{b:str(c)for(b,c)in a.items()}\n'
    'def HB(a,b,c):\n'
    '\tif not a:GK([V,AH,*GW()],c);return\n'
    '\td=\'# Made by vps-firewall, for what its policy forwards. Changes here are lost.\\n\';e={V:(T(b),384),AH:(d+\'\'.join(f"{f} = {AZ(f)}\\n"for f in a),420)}\n'
    '\tif AI[6]in a:e.update(dict.fromkeys(GZ(),(f"{d}[Network]\\nIPv6AcceptRA=yes\\n",420)))\n'
    '\tAT(e,c)\n'
    'def GZ():\n'
    '\tfor(a,b)in AS():\n'
    '\t\tc=P(f"run/systemd/netif/links/{socket.if_nametoindex(b)}")if a==6 else\'\'\n'
    '\t\tif(d:=re.search(\'(?m)^NETWORK_FILE=\\\\S*/([^/\\\\s]+\\\\.network)$\',c)):yield f"{AJ}/{d[1]}.d/{AY}"\n'
    'def GW():a=[b for b in U(AJ)if b.endswith(\'.network.d\')];return[f"{AJ}/{b}/{AY}"for b in a if AY in U(f"{AJ}/{b}")]\n'
    'def BA(a):return P(f"proc/sys/{a}").strip()\n'
    'def CI(a,b):\n'
    "\tc=os.path.join('/proc/sys',a)\n"
    '\ttry:GL(c,b)\n'
    '\texcept FileNotFoundError:return\n'
    '\texcept OSError as d:raise A(f"{c} cannot be written ({d.strerror}), as in a container; whoever runs it has to set {CH(a)} = {b}")from None\n'
    '@dataclass(frozen=True)\n'
    'class HP:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class HR:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class HQ:p_:0;ao_:0\n'
    "def EQ(a):b=tuple(HP(c['backend'],EP(c['texts']))for c in a['candidates']);return HR(a['name'],b,EP(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def EP(a):return{int(b):c for(b,c)in a.items()}\n'
    'def ET(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "AL='inet vps_firewall'\n"
    "def AM(a):a=re.sub('\\\\t# count \\\\d+$','',a,flags=re.MULTILINE);return re.sub('(\\\\tflags dynamic[^\\\\n]*\\\\n(?:\\\\t\\\\t\\\\w[^\\\\n]*\\\\n)*?)\\\\t\\\\telements = \\\\{[^}]*\\\\}\\\\n','\\\\1',a)\n"
    'def FA(a):\n'
    "\tb,c='',[]\n"
    '\tfor d in a.splitlines():\n'
    '\t\tif d.startswith(\'\\t\\t\'):c.append(f"{b}: {d.strip()}")\n'
    "\t\telif d.startswith('\\t')and d.endswith(' {'):b=d[1:-2];c.append(b)\n"
    "\treturn'\\n'.join(c)\n"
    'class FO:\n'
    "\tname='nftables';families=0,;shares_tables=False;r_='nft',\n"
    '\tdef z_(a,b,c):return[f"{c[\'nft\']} -f {b[0]}"]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\tif b:J('nft','-f','-',text=b[0],pass_fds=pass_fds)\n"
    '\tdef dump(a,b):\n'
    "\t\tc=CB('nft','-s','list','table',*AL.split());d,e,f=DZ(c,'nft')\n"
    "\t\tif d==1 and f.startswith('Error: No such file or directory'):return{0:''}\n"
    "\t\tif d:raise B(EA('nft',d,f))\n"
    '\t\tif not e.startswith(f"table {AL} {{")or not e.rstrip().endswith(\'}\'):raise B(\'nft printed something that is not a table\')\n'
    '\t\treturn{0:e}\n'
    '\tdef ar_(a,b,pass_fds=()):a.load({0:DC+AM(b[0])},(),pass_fds)\n'
    '\tdef aa_(a,b,c,d,e,h_):\n'
    '\t\tif c[0]and e and not a.j_(c,d()):return{},[]\n'
    '\t\treturn dict(b),[]\n'
    '\tdef j_(a,b,c):d,e=AM(b[0]),AM(c[0]);return[]if d==e else ET(FA(e),FA(d))\n'
    '\tdef at_(a,b,c):return AM(b[0])==AM(c[0])\n'
    '\tdef ap_(a,b,h_):return[]\n'
    '\tdef ax_(a,b,c,h_):return dict(b),[]\n'
    'DC=f"table {AL}\\ndelete table {AL}\\n"\n'
    "CM='vps-firewall'\n"
    "C='VPSFW-'\n"
    "EU=C+'LIST-'\n"
    "M={'mangle':('forward',),'filter':('input','forward','output')}\n"
    "D={'nat':('prerouting','postrouting')}\n"
    '@dataclass\n'
    'class K:b_:0=field(default_factory=dict);a_:0=field(default_factory=dict)\n'
    'def L(a):\n'
    '\tb={};c=K();d=c.a_\n'
    "\tfor e in a.split('\\n'):\n"
    "\t\tif e.startswith('-A '):\n"
    "\t\t\tf,g,h=e[3:].partition(' ')\n"
    '\t\t\tif f not in d:d[f]=[]\n'
    '\t\t\td[f].append(h.rstrip())\n'
    "\t\telif e.startswith('*'):c=b.setdefault(e[1:].strip(),K());d=c.a_\n"
    "\t\telif e.startswith(':'):i,j=e[1:].split()[:2];c.b_[i]=j;d[i]=[]\n"
    '\treturn b\n'
    'def BD(a):\n'
    '\tb={}\n'
    '\tfor c in f"\\n{a}".split(\'\\n*\')[1:]:\n'
    "\t\td,e,f=c.partition('\\n-A ');g,e,d=d.partition('\\n')\n"
    '\t\tif g in M or g in D and ID(f"\\n{c}"):b[g]=re.sub(\'\\\\[\\\\d+:\\\\d+\\\\]\',\'\',d),f[:f.rfind(\'\\nCOMMIT\')]\n'
    '\treturn b\n'
    'def G(a):return f\'--comment "{CM} \'in a or f"-j {C}"in a and BF(a).startswith(C)\n'
    'def ID(a):return f"\\n:{C}"in a or G(a)\n'
    'def EY(a,b,c=()):\n'
    '\td=BF(b)\n'
    "\tif CO(b)or a.b_.get(d)=='-'and not d.startswith((C,*c)):return True\n"
    "\te=re.findall('(?:^| )-[io] (\\\\S+)',BC(b));return any(CL(f)and f not in ES for f in e)\n"
    'def CO(a):return bool(EW.search(f" {BC(a)}"))\n'
    "EW=re.compile('(?: -m set --match-set .*|^ -p udp .* --(?:u32|bytecode) .*)-j (?:DROP|REJECT|LOG|TARPIT)\\\\b|^ -p udp -m policy --dir in --pol ipsec .* --(?:u32|bytecode) .*-j ACCEPT\\\\b')\n"
    "def BF(a):b=re.search('(?:^| )-[jg] (\\\\S+)',BC(a));return b[1]if b else''\n"
    'def BC(a):return re.sub(\'"(?:\\\\\\\\.|[^"\\\\\\\\])*"\',\'""\',a)\n'
    'def BE(a,b,c,d=()):\n'
    '\tif G(c)or a in D:return False\n'
    "\treturn BF(c)in('ACCEPT','RETURN')if a=='mangle'else not EY(b,c,d)\n"
    'def IG(a,b=()):return[f"{c} {d.upper()} {e}"for(c,f)in CN(a).items()for d in M.get(c,())for e in f.a_.get(d.upper(),())if BE(c,f,e,b)]\n'
    'def CN(a):return L(\'\\n\'.join(b for b in a.split(\'\\n\')if not b.startswith(f"-A {C}")))\n'
    "def IF(a):return any(b.b_.get(c)=='-'and not c.startswith(C)or any(not G(d)for d in e)for(f,b)in CN(a).items()if f in M or f in D for(c,e)in b.a_.items())\n"
    "def EZ(text):return all(EX.match(a)or G(a)for a in text.split('\\n'))\n"
    'EX=re.compile(rf"\\s*$|#|\\*|COMMIT\\b|:(?:{C}|\\w+ ACCEPT\\b|INPUT DROP|FORWARD DROP|OUTPUT DROP)|-A {C}")\n'
    "def IE(a):return bool(re.search('--\\\\w+-set ',BC(a)))\n"
    'def IA(a,b,c=()):\n'
    "\tif BD(a)==BD(b):return''\n"
    "\td,e=L(a),L(b);return''.join(HY(f,d.get(f,K()),HX(f,d,e),c)for f in(*M,*D))\n"
    'def HX(a,b,c):\n'
    '\tif a in c or a not in D:return c.get(a,K())\n'
    "\treturn K({d.upper():'ACCEPT'for d in D[a]if a in b},{e.upper():[]for e in D[a]})\n"
    'def HY(a,b,c,d):\n'
    '\te,f,g,h=[],[],[],[];i={}\n'
    '\tfor(j,k)in c.b_.items():\n'
    "\t\tif k=='-':\n"
    '\t\t\tif j.startswith(C)and b.a_.get(j)!=c.a_[j]:\n'
    '\t\t\t\tl=[f"-A {j} {m}\\n"for m in c.a_[j]]\n'
    '\t\t\t\tif j.startswith(EU):i[j]=l\n'
    '\t\t\t\telse:e.append(f":{j} - [0:0]\\n");g+=l\n'
    '\t\t\tcontinue\n'
    '\t\tn,o=b.a_.get(j,[]),[p for p in c.a_[j]if G(p)];q=[p for p in n if BE(a,b,p,d)];r=any(G(p)and any(map(CO,n[s:]))for(s,p)in enumerate(n))\n'
    '\t\tif a not in D and k!=b.b_.get(j,\'ACCEPT\'):e.append(f":{j} {k} [0:0]\\n")\n'
    '\t\tif q or r or[p for p in n if G(p)]!=o:f+=[f"-D {j} {p}\\n"for p in n if G(p)or p in q];g+=[f"-A {j} {p}\\n"for p in o]\n'
    '\tfor j in b.b_:\n'
    '\t\tif j.startswith(C)and j not in c.b_:i[j]=[];h.append(f"-X {j}\\n")\n'
    '\tfor j in sorted(i,reverse=True):f+=[f":{j} - [0:0]\\n",*i[j]]\n'
    '\tt=[*e,*f,*g,*h];return f"*{a}\\n{\'\'.join(t)}COMMIT\\n"if t else\'\'\n'
    'def HZ(a,b):\n'
    '\tif BD(a)==BD(b):return[]\n'
    '\tc,d=L(a),L(b);e=[]\n'
    '\tfor f in(*M,*D):\n'
    '\t\tg,h=c.get(f,K()),d.get(f,K())\n'
    '\t\tfor(i,j)in h.b_.items():\n'
    "\t\t\tk=g.b_.get(i,'ACCEPT')\n"
    '\t\t\tif j not in(\'-\',k)and f not in D:e+=[f"-{f} {i} policy {k}",f"+{f} {i} policy {j}"]\n'
    '\t\tfor i in dict.fromkeys([*h.b_,*g.b_]):\n'
    "\t\t\tif h.b_.get(i)=='-'or i.startswith(C):l=g.a_.get(i)\n"
    '\t\t\telif i not in h.b_:continue\n'
    '\t\t\telse:l=[m for m in g.a_.get(i,[])if G(m)or BE(f,g,m)]\n'
    '\t\t\tif l!=h.a_.get(i):e+=HV(f"{f} {i}",l,h.a_.get(i))\n'
    '\treturn e\n'
    'def HV(a,b,c):d,e=set(b or()),set(c or());f=[g for g in c or()if g not in d];h=[g for g in b or()if g not in e];i=[f"-{a} {g}"for g in h]+[f"+{a} {g}"for g in f];return i or[f"+{a} (its rules in another order)"if b is not None else f"+{a} (chain)"]\n'
    'def IB(a,b):\n'
    '\tc,d=L(a),L(b);e=[]\n'
    '\tfor(f,g)in{**M,**D}.items():\n'
    '\t\tif f in D and not(EV(f,c)or EV(f,d)):continue\n'
    '\t\th,i=c.get(f,K()),d.get(f,K());j={k for k in h.b_ if b and k not in i.b_ and not k.startswith(C)}\n'
    '\t\tfor(l,m)in i.a_.items():\n'
    "\t\t\tif i.b_.get(l)!='-':n=[o for o in h.a_.get(l,[])if G(o)or o in m or not(BF(o)in j or CO(o))];h.a_[l]=[o for o in m if not G(o)and EY(i,o)and o not in n]+n\n"
    "\t\t\telif not l.startswith(C):h.b_[l],h.a_[l]='-',m\n"
    '\t\tfor l in j:h.b_.pop(l),h.a_.pop(l)\n'
    '\t\tp={q.upper():\'ACCEPT\'for q in g}|h.b_;e.append(f"*{f}\\n");e+=[f":{l} {r} [0:0]\\n"for(l,r)in p.items()];e+=[f"-A {l} {s}\\n"for(l,m)in h.a_.items()for s in m];e.append(\'COMMIT\\n\')\n'
    "\treturn''.join(e)\n"
    'def EV(a,b):c=b.get(a,K());return any(d.startswith(C)or any(map(G,e))for(d,e)in c.a_.items())\n'
    'def IC(text,a,b=()):\n'
    '\tfor(c,d)in HW(a,b).items():e,f,g=text.partition(f"*{c}\\n");h,i,j=g.partition(\'-A \');text=f"{e}*{c}\\n{h}{\'\'.join(d)}{i}{j}";text+=\'\'if f else\'COMMIT\\n\'\n'
    '\treturn text\n'
    'def HW(a,b=()):\n'
    '\tc={}\n'
    '\tfor(d,e)in sorted(CN(a).items()):\n'
    '\t\tf=[g.upper()for g in{**M,**D}.get(d,())];h=[i for i in e.a_ if not i.startswith((C,*b))];j=[f"-A {i} {k}\\n"for i in h for k in e.a_[i]if not(G(k)or i in f and BE(d,e,k,b))]\n'
    '\t\tif j:l=[i for i in h if i in e.b_ and i not in f];c[d]=[f":{i} {e.b_[i]} [0:0]\\n"for i in l]+j\n'
    '\treturn c\n'
    'DB=60\n'
    "AN={4:'iptables-restore',6:'ip6tables-restore'}\n"
    "Z={4:'iptables-save',6:'ip6tables-save'}\n"
    'class FN:\n'
    "\tname='iptables';families=4,6;shares_tables=True;r_=*AN.values(),*Z.values(),'flock'\n"
    '\tdef z_(a,b,c):return[f"{c[d]} -w {DB} {b[e]}"for(e,d)in AN.items()]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\td=[([AN[e],*(['--noflush']if e in c else[]),'-w',str(10)],f)for(e,f)in b.items()if f]\n"
    '\t\tif len(d)>1:GT(d,pass_fds)\n'
    '\t\telse:\n'
    '\t\t\tfor(g,f)in d:J(*g,text=f,pass_fds=pass_fds)\n'
    '\tdef dump(a,b):\n'
    '\t\tc=[(CB(Z[d]),Z[d],0)for d in b];e=dict(zip(b,EC(c)))\n'
    '\t\tfor(d,f)in e.items():\n'
    '\t\t\tg=f.splitlines()\n'
    '\t\t\tif f.strip()and(\'*\'not in f or not all(h[:1]in\'#*:-C[\'for h in g if h)):raise B(f"{Z[d]} printed something that is not a dump")\n'
    '\t\treturn e\n'
    '\tdef ar_(a,b,pass_fds=()):\n'
    '\t\tc={}\n'
    '\t\twith contextlib.suppress(B):c=a.dump(tuple(b))\n'
    "\t\ta.load({d:IB(e,c.get(d,''))for(d,e)in b.items()},(),pass_fds)\n"
    '\tdef aa_(a,b,c,d,e,h_):\n'
    '\t\tf,g=dict(b),[];h=d()\n'
    '\t\tfor(i,j)in c.items():\n'
    '\t\t\tk=len(j)+len(f[i])<200000 or IF(j)\n'
    "\t\t\tif'-A 'in j and(k or e):\n"
    '\t\t\t\tl=IA(j,h[i],BV(h_))\n'
    '\t\t\t\tif k or not l:f[i]=l\n'
    '\t\t\tif k:g.append(i)\n'
    '\t\treturn f,g\n'
    '\tdef j_(a,b,c):return[f"{d[0]}IPv{e} {d[1:]}"for(e,f)in c.items()for d in HZ(b.get(e,\'\'),f)]\n'
    '\tdef at_(a,b,c):return all(L(b[d])==L(e)for(d,e)in c.items())\n'
    '\tdef ap_(a,b,h_):c=[f"IPv{d} {e}"for(d,f)in b.items()for e in IG(f,BV(h_))];g=[re.sub(\'( -[sd]|-range) \\\\S+\',\'\\\\1 ...\',e)for e in c[:6]];h=[f"and {len(c)-len(g)} more"]if len(c)>len(g)else[];return[f"rules of others that were taken out: {\'; \'.join(g+h)}"]if c else[]\n'
    '\tdef ax_(a,b,c,h_):\n'
    '\t\td,e=dict(b),[]\n'
    '\t\tfor(f,g)in c.items():\n'
    "\t\t\th=(I(g)or'').split('\\n');i=[j for j in h if not IE(j)]\n"
    "\t\t\tif EZ('\\n'.join(i)):continue\n"
    '\t\t\ttry:\n'
    "\t\t\t\twith AV()as k:k.submit(a.load,{f:'\\n'.join(i)}).result();l=k.submit(a.dump,(f,)).result()[f];m=IC(b[f],l,BV(h_));k.submit(a.load,{f:m}).result()\n"
    '\t\t\t\td[f]=m\n'
    '\t\t\t\tif len(i)<len(h):e.append(f"{g}: rules that name a set were left out: at boot it is not there")\n'
    '\t\t\texcept A as n:e.append(f"{g} could not be loaded, and nothing in it was kept: {n}")\n'
    '\t\treturn d,e\n'
    'AA={each.name:each for each in(FO(),FN())}\n'
    'def HM(a):return CA(a)\n'
    '@dataclass(frozen=True)\n'
    'class HS:\n'
    '\tbackend:0;c_:0;n_:0=False\n'
    '\t@property\n'
    '\tdef d_(a):return(S,)if a.n_ else a.c_.d_\n'
    '\tdef r_(a,b=F):\n'
    '\t\tc={d:HM(d)for d in a.backend.r_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise AC(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def AK(a,b):c=AA[a];d=b.k_.ah_(a,c.families);e=b.d_&b.ak_ if d.x_ else b.d_;return HS(c,d,S in d.d_ or not e.issuperset(d.d_))\n'
    "def GR():a,b=O(AW),CF();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def FD(a,b):\n'
    '\tc={}\n'
    '\tfor(d,(e,f))in a.items():\n'
    "\t\tg=I(d,'surrogateescape')\n"
    '\t\tif f is None or g is None or not FE(g):continue\n'
    "\t\th=d+'.before-vps-firewall'\n"
    "\t\twhile I(h,'surrogateescape')not in(None,g):h+='~'\n"
    '\t\tc[h]=g,384;b.append(f"{d} was not ours: what stood there is in {h}")\n'
    '\treturn c\n'
    'def FE(text):return CM not in text and not EZ(text)\n'
    "def FM(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':CF()if c.good else''};h={*GU(),*(i for i in a.d_ if not X(i))};j={*DU(O(AX),'disabled'),*(AG[k]for k in d.h_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AW:(T(g),384),AX:(T(l),384)};return CW(a,b,c.fallback,e,f,also=m)\n"
    'def CW(a,b,fallback,c,d,also=None):\n'
    '\te=a.c_;f=HL(a.backend,e,a.n_,a.r_(F));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.e_.items()}\n'
    '\tif not a.n_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.e_.items()})\n'
    "\tif not a.n_ and e.s_:l=I(F/e.s_,'surrogateescape');j[e.s_]=GM(l,e.e_[0]),None\n"
    '\tm=FD({**j,**g},d);n={**m,**j,**g,**(also or{})};o=AT({F/h:p for(h,p)in n.items()},c);d+=CV(o)\n'
    '\tif any(h in o for h in g):HJ()\n'
    '\treturn o\n'
    'def FL(a,b):c=[d for d in b.k_.o_.values()if d.e_!=a.c_.e_];e=[f for d in c for f in d.d_];return[f for f in e if f not in a.d_ and X(f)]\n'
    'def CU(a,b):\n'
    '\tfor c in a.d_:\n'
    '\t\tif not X(c):b.append(c);HH(c)\n'
    '\tif b:DV()\n'
    'def CV(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):J('restorecon',*a,limit=3.)\n"
    '\texcept B as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def CS(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in FL(a,b):EM(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {H(f)}")\n'
    '\treturn d\n'
    "CX='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def BH():return O(CD)or O(CC)\n'
    'def DA(a):\n'
    '\tb={c:CZ(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',T({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):AT({CD:(T(a),384),CC:(d,420)},AF())\n'
    "def CZ(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def CY(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.c_.e_.values()),'services':list(a.d_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class Y:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.u_=BH();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
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
    "\tdef ac_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':BK(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.u_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in CX if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];DA(a.status)\n"
    '\tdef ad_(a,b,c):\n'
    '\t\tif c:return A(f"{H(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,AB)and a.failed_in==\'load\':return AB(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return GA(f"{H(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class FI:i_:0;texts:0;m_:0;au_:0;w_:0;f_:0;notes:0\n'
    'def FK(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in FJ(a,b):\n'
    '\t\tj=AK(g,b);k=j.backend\n'
    "\t\ttry:j.r_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(AV());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(CT,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return FI(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(map(str,e))\n"
    '\tif all(isinstance(t,AC)for t in e):raise AC(s)\n'
    '\traise AB(f"{s}; nothing was changed")\n'
    'def FJ(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.t_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def CT(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(BG)-c[f].count(BG))for(f,e)in b.items())):raise B(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'BG=\'comment "\'\n'
    'def FH(a,b,c):\n'
    "\td=AK(b,c);e,f=d.backend,next(g.texts for g in a.candidates if g.backend==b);h=BH().get('skipped_families',());i=[]\n"
    '\twith BU(),AV()as j:\n'
    '\t\tk={l:m for(l,m)in f.items()if l not in h};j.submit(e.load,k).result();n=j.submit(CT,e,k).result()\n'
    '\t\tfor(l,o)in d.c_.e_.items():i+=FF(e,l,o,f[l],n)\n'
    '\t\tp=[q for q in d.d_ if not X(q)];i+=[f"+{q} enabled: nothing loads the rules at boot"for q in p];i+=FG(e.j_(e.dump(tuple(k)),n))\n'
    '\tHD(a.source,c,i);return i\n'
    'def FF(a,b,c,text,d):\n'
    '\te=I(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith AV()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept B as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.j_(g,{b:d[b]})\n'
    '\telse:i=ET(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def FG(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class R:\n'
    '\tstatus:0;problems:0=();notes:0=();ab_:0=False;av_:0=False\n'
    '\t@property\n'
    "\tdef v_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def CR(a,b,c=None):\n'
    '\tc=c or Y()\n'
    '\twith BU()as d,c.aq_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.g_('rehearse'):f=FK(a,b,e)\n"
    "\t\twith c.g_('keep'):g=f.f_.result()\n"
    "\t\th,i=f.i_,f.i_.backend;c.notes+=f.notes;c.status.update(CY(h,a,f.texts));c.status['skipped_families']=list(f.au_);c.write();j=AF(ai_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.g_('load'):l=CQ(f,g,b,d)\n"
    "\t\t\twith c.g_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.m_))\n'
    '\t\t\t\tif(n:=i.j_(m,f.w_.result())):raise FZ(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    '\t\t\tHC(a.source,b,j,c.notes)\n'
    "\t\t\twith c.g_('save'):o,p=i.ax_(f.texts,h.c_.e_,b.h_);c.notes+=p;q=FM(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.g_('enable'):CU(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.g_('roll back'):s=FC(c,h,g,j,k,d)\n"
    '\t\t\traise c.ad_(r,s)from r.__cause__\n'
    "\t\twith c.g_('disable others'):j.ae_();c.notes+=i.ap_(g,b.h_)if l else[];t=FB(f,b,c.notes,d);c.notes+=CS(h,b,c.u_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return R(c.status,ab_=not t)\n"
    "def CQ(a,b,c,d):e,f=a.i_.backend,a.i_.c_.e_;g=all((I(f[h])or'').startswith(i)for(h,i)in a.m_.items());j,k=e.aa_(a.m_,b,a.w_.result,g,c.h_);e.load(j,k,[d]);return any(j.values())\n"
    'def FC(a,b,c,d,e,f):\n'
    '\tg=[];HE(d)\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):EM(h)\n'
    '\ttry:d.aw_();a.notes+=CV([i for(i,j)in d.f_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {H(k)}")\n'
    '\ttry:\n'
    '\t\tif not CP(b,c):b.backend.ar_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not CP(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def CP(a,b):\n'
    '\ttry:return a.backend.at_(a.backend.dump(tuple(b)),b)\n'
    '\texcept B:return False\n'
    'def FB(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.h_:\n'
    '\t\tif(g:=GQ(f,a.i_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.h_:\n'
    '\t\ttry:CQ(a,a.i_.backend.dump(tuple(a.m_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.h_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    "BB='auto'\n"
    'def CK(a,b):\n'
    '\tif a in AA:return AK(a,b),\n'
    '\tc=HO(b);return tuple(AK(d,b)for d in sorted(AA,key=lambda e:e!=c))\n'
    'def HO(a):\n'
    '\tb=a.k_.o_\n'
    "\tfor c in('iptables','nftables'):\n"
    '\t\tif c in b and any(d in a.d_ for d in b[c].d_):return c\n'
    "\treturn'iptables'if 0<a.major<=a.k_.ag_ else'nftables'\n"
    'def HN(a,b):c=[d.backend.name for d in CK(BB,b)];return replace(a,candidates=tuple(sorted(a.candidates,key=lambda e:c.index(e.backend))))\n'
    "AO=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def FV(a,b,c=(),d=Y):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tDV()\n'
    '\t\tif not any(f.good for f in a.p_):\n'
    '\t\t\tg=DF(a.p_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,h_=BW())\n'
    "\t\twith e.g_('parse'):f=a.ao_()\n"
    '\t\treturn CR(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=DG(a.p_,b,h,e,d)\n'
    '\t\texcept Exception as j:return R({},[f"{H(j)}; and before it: {H(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,AD)and not any(l.am_ for l in h.problems);m=k and bool(i['services'])and not BW();return R(i,BK(h),e.notes,m,isinstance(h,AB))\n"
    'def DG(a,b,c,d,e=Y):\n'
    "\tf,g=DF(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':BK(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tDA(i)\n'
    "\tif'open'not in i:raise GB('nothing could close this host')\n"
    '\treturn i\n'
    'def DF(a,b,c):\n'
    '\tfor(d,e)in FP(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def FP(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(FT,f,b,c))\n'
    '\t\tyield(d,partial(DE,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(DE,d,b,c,whole=False))\n'
    "def FT(a,b,c):return CR(a,b,c('first boot',())).status\n"
    'def DE(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(AA[f.backend].families)):\n'
    '\t\twith contextlib.suppress(B):return FQ(a,e,b,c,d)\n'
    '\traise B\n'
    'def FQ(a,b,c,d,e):\n'
    '\tf,g=AK(b.backend,c),b.texts;h=[];i=CY(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept B as l:\n'
    '\t\t\tif e and(j!=6 or c.t_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise B('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),BU()as m:h+=CS(f,c)\n'
    '\ttry:CW(f,g,a.fallback,AF(),h);CU(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {H(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def FU(a,b,c,d,e=(),f=lambda:None,g=Y):\n'
    '\tdef h():\n'
    '\t\tp=a();q=FV(b(p),p,e,g)\n'
    '\t\tif not q.problems:\n'
    "\t\t\tfor r in q.status['notes']:AO.info('%s',r)\n"
    "\t\t\tAO.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(q)\n'
    '\tdef k():\n'
    '\t\ttry:return R(**DH(h))\n'
    '\t\texcept DD as p:q=p\n'
    "\t\tdef r():s,t=a(),Y('cloud-init',e);return asdict(R(DG(b(s).p_,s,q,t),[str(q)],t.notes))\n"
    '\t\treturn R(**DH(r))\n'
    '\tj,l,i=k(),I(CE),a();m=CK(c,i)\n'
    '\tfor n in(*m,*(o for o in CK(BB,i)if o not in m)):\n'
    '\t\tif FS(n,m,j):e=[*j.notes,FR(n,d,j,l)];j=k()\n'
    '\tif j.ab_:f()\n'
    '\tif not j.status:raise A(j.problems[0])\n'
    '\treturn[*j.problems]\n'
    'class DD(A):0\n'
    'def DH(a):\n'
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
    '\tif os.WIFSIGNALED(j)or not i:raise DD(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def FW():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def BI(a):\n'
    '\twith contextlib.suppress(AC):return bool(a.r_())\n'
    '\treturn False\n'
    'def FS(a,b,c):\n'
    '\tif not c.problems or BI(a):return False\n'
    '\tif c.v_:return a in b and(c.av_ or not any(map(BI,b)))\n'
    '\treturn True\n'
    'def FR(a,b,c,d):\n'
    '\te,f=a.c_.al_,CF()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:AO.info('%s could not be installed: %s',e,g)\n"
    '\t\tif BI(a):h=f"unprotected for up to {FW()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.v_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):DT({CE:f},AF(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def EO(a):\n'
    '\tfor b in GH():\n'
    "\t\tif any(HT(c,b)for c in a.get('trusted',())):return b\n"
    "\treturn''\n"
    "DI=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AP='vps_firewall'\n"
    'public=CZ\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend',BB));return FU(DK,lambda g:FX(e,d,g),f,b,(),c)\n"
    'def DK():return GF(frozenset())\n'
    'def FX(a,b,c):\n'
    "\td=DJ();e,f,g=(HN(h,c)for h in map(EQ,d['plans']));i=e.source['section'];j=[replace(e,name='the last good policy')]if GR()==i else[];j+=[f]if all(a.get(k)==i.get(k)for k in('ssh','lists'))else[];l=d['default_port']and[*b]!=['22']\n"
    '\tdef m():\n'
    '\t\tif l:n=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise AD([BJ(f"{AP}.ssh",n)])\n'
    "\t\tif a!=i:raise AD([BJ(AP,'is not what this bundle was made of; make it again')])\n"
    '\t\tif EO(e.source):n=f"{EO(e.source)} has the default route here, and is trusted; name networks";raise AD([BJ(f"{AP}.allow",n)])\n'
    '\t\treturn e\n'
    '\treturn HQ([]if l else[*j,g],m)\n'
    'def DJ():\n'
    "\twith open(DI,encoding='utf-8')as a:return json.load(a)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(T(BH()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=O(AW)\n'
    "\t\tfor b in map(EQ,DJ()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=FH(b,str(a.get('backend')),DK());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {H(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
