"""The engine called nftables_trusting -> its text. Made by tools/engine.py: `make generate`."""

SOURCES = "cc25f1a4f21ca9ad68a1851571045e3a47ffdb9cde4d0a5ea2faa40cd9611449"
TEXT = (
    'import contextlib,ctypes,hashlib,json,logging,os,re,shutil,signal,subprocess,sys,threading,time\n'
    'from collections import Counter\n'
    'from concurrent.futures import ThreadPoolExecutor\n'
    'from contextlib import contextmanager\n'
    'from dataclasses import asdict,dataclass,field,replace\n'
    'from functools import partial\n'
    '@dataclass(frozen=True,order=True)\n'
    'class AK:\n'
    '\tpath:0;ag_:0;aj_:0=False\n'
    '\tdef __str__(a):return f"{a.path}: {a.ag_}"\n'
    'class A(Exception):exit_code=1\n'
    'class Q(A):\n'
    '\texit_code=2\n'
    "\tdef __init__(a,b):a.problems=tuple(b);super().__init__('\\n'.join(map(str,a.problems)))\n"
    'class P(A):exit_code=3\n'
    'class O(A):exit_code=4\n'
    'class EB(A):exit_code=5\n'
    'class EA(A):exit_code=6\n'
    'class DZ(A):0\n'
    'class B(O):0\n'
    'class EC(A):0\n'
    'def D(a):\n'
    '\tif isinstance(a,OSError)and a.strerror:return f"{a.filename}: {a.strerror}"if a.filename else a.strerror\n'
    "\tif isinstance(a,KeyboardInterrupt):return'interrupted'\n"
    '\treturn str(a)if isinstance(a,A)else f"{type(a).__name__}: {a}"\n'
    'def AL(a):return[str(b)for b in a.problems]if isinstance(a,Q)else[D(a)]\n'
    'class FH:\n'
    '\tdef __truediv__(a,b):return f"/{b.lstrip(\'/\')}"\n'
    'E=FH()\n'
    "AR='/run/vps-firewall.lock'\n"
    "AT='etc/systemd/system','run/systemd/system','usr/lib/systemd/system','lib/systemd/system'\n"
    'AS=60\n'
    '@dataclass\n'
    'class S:\n'
    '\tf_:0=field(default_factory=dict);af_:0=False\n'
    '\tdef at_(a):\n'
    '\t\tb=[]\n'
    '\t\tfor(c,d)in reversed(list(a.f_.items())):\n'
    '\t\t\ttry:\n'
    '\t\t\t\tif d is None:\n'
    '\t\t\t\t\twith contextlib.suppress(FileNotFoundError):os.unlink(c)\n'
    '\t\t\t\telif os.path.exists(C(c).i_):os.rename(C(c).i_,C(c).a_);I(c)\n'
    '\t\t\t\telse:EL(c,d[0],d[1])\n'
    '\t\t\texcept OSError as e:b.append(e)\n'
    '\t\tif b:raise b[0]\n'
    '\tdef ac_(a):\n'
    '\t\tfor b in a.f_:I(b)\n'
    'def CJ(a,b,mode=384):return AW({c:(d,mode)for(c,d)in a.items()},b)\n'
    'def AW(a,b):\n'
    '\tc={}\n'
    '\ttry:\n'
    '\t\tfor(d,(e,f))in a.items():\n'
    "\t\t\tI(d);g,h=e.encode('utf-8','surrogateescape'),CF(d);i=h[1]if h else 420\n"
    '\t\t\tif h!=(g,i if f is None else f):c[d]=h;CH(d,g,i if f is None else f)\n'
    '\t\tfor(d,h)in c.items():\n'
    '\t\t\tif h and b.af_:\n'
    '\t\t\t\twith contextlib.suppress(OSError):os.link(C(d).a_,C(d).i_)\n'
    '\t\tfor(d,h)in c.items():os.rename(C(d).m_,C(d).a_);b.f_.setdefault(d,h)\n'
    '\t\tCI(c)\n'
    '\texcept BaseException:\n'
    '\t\tfor d in c:\n'
    '\t\t\tif d not in b.f_:I(d)\n'
    '\t\traise\n'
    '\treturn list(c)\n'
    'def EL(a,b,mode):I(a);CH(a,b,mode);os.rename(C(a).m_,C(a).a_);CI([a])\n'
    'def CL():os.sync()\n'
    'def I(a):\n'
    '\tfor b in(C(a).m_,C(a).i_):\n'
    '\t\tif os.path.lexists(b):os.unlink(b)\n'
    '@dataclass(frozen=True)\n'
    'class EJ:a_:0;m_:0;i_:0\n'
    'def C(a):b=os.path.realpath(a);c,d=os.path.split(b);return EJ(b,f"{c}/.{d}.vps-firewall",f"{c}/.{d}.vps-firewall-old")\n'
    'def CH(a,b,mode):\n'
    '\tc=C(a);d=os.path.dirname(c.a_)\n'
    '\ttry:\n'
    '\t\tCG(d)\n'
    "\t\tif os.path.exists(c.a_)and not os.path.isfile(c.a_):raise OSError(0,'is no file')\n"
    '\t\te=os.O_WRONLY|os.O_CREAT|os.O_EXCL|os.O_NOFOLLOW|os.O_CLOEXEC\n'
    "\t\twith open(os.open(c.m_,e,384),'wb')as f:f.write(b);f.flush();os.fchmod(f.fileno(),mode);CE(f.fileno(),d,c.a_);os.fsync(f.fileno())\n"
    '\texcept OSError as g:I(a);raise OSError(g.errno,g.strerror,a)from None\n'
    'def CE(a,b,c):\n'
    '\td=os.stat(b)\n'
    '\twith contextlib.suppress(OSError):os.chown(a,d.st_uid,d.st_gid)\n'
    "\twith contextlib.suppress(OSError):e=os.getxattr(c if os.path.exists(c)else b,'security.selinux');os.setxattr(a,'security.selinux',e)\n"
    'def CG(a):\n'
    '\tif not os.path.isdir(a):b=os.path.dirname(a);CG(b);os.mkdir(a);os.chmod(a,493);CE(a,b,b)\n'
    'def CI(a):\n'
    '\tfor b in{os.path.dirname(C(c).a_)for c in a}:\n'
    '\t\td=os.open(b,os.O_RDONLY|os.O_DIRECTORY|os.O_CLOEXEC)\n'
    '\t\ttry:os.fsync(d)\n'
    '\t\tfinally:os.close(d)\n'
    'def CF(a):\n'
    '\ttry:\n'
    "\t\twith open(a,'rb')as b:return b.read(),os.fstat(b.fileno()).st_mode&4095\n"
    '\texcept FileNotFoundError:return\n'
    "def J(a,b='replace'):c=CF(a);return None if c is None else c[0].decode('utf-8',b)\n"
    'def U(a):\n'
    '\ttry:\n'
    "\t\twith open(E/a,encoding='utf-8',errors='replace')as b:return b.read(1<<20)\n"
    "\texcept OSError:return''\n"
    'def AU(a):\n'
    '\ttry:return sorted(os.listdir(E/a))\n'
    '\texcept OSError:return[]\n'
    'def EK(text,a):\n'
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
    'def CK(a,b):c=a.get(b)if isinstance(a,dict)else None;return[d for d in c if isinstance(d,str)]if isinstance(c,list)else[]\n'
    'def K(a):\n'
    '\ttry:\n'
    "\t\twith open(a,encoding='utf-8')as b:c=json.load(b)\n"
    '\texcept(OSError,ValueError):return{}\n'
    '\treturn c if isinstance(c,dict)else{}\n'
    '@contextlib.contextmanager\n'
    'def AV():\n'
    '\timport fcntl;os.makedirs(os.path.dirname(AR),exist_ok=True);a=os.open(AR,os.O_RDWR|os.O_CREAT|os.O_CLOEXEC|os.O_NOFOLLOW,384)\n'
    '\ttry:\n'
    '\t\tb=time.monotonic()+AS\n'
    '\t\twhile True:\n'
    '\t\t\ttry:fcntl.flock(a,fcntl.LOCK_EX|fcntl.LOCK_NB);break\n'
    '\t\t\texcept BlockingIOError:\n'
    '\t\t\t\tif time.monotonic()>b:c=f"another vps-firewall has been at work for {AS} s; nothing was changed";raise DZ(c)from None\n'
    '\t\t\t\ttime.sleep(.05)\n'
    '\t\tyield a\n'
    '\tfinally:os.close(a)\n'
    "CN='/usr/sbin','/sbin','/usr/bin','/bin'\n"
    'AY=threading.local()\n'
    "def CS():a=[*CN,*os.environ.get('PATH','').split(os.pathsep)];return os.pathsep.join(dict.fromkeys(b for b in a if os.path.isabs(b)))\n"
    "def CR(a):return shutil.which(a,path=CS())or''\n"
    "def F(*a,text='',pass_fds=(),limit=0):return ES(CT(*a,text=text,pass_fds=pass_fds),a[0],len(text),limit)\n"
    "def CT(*a,text='',pass_fds=()):\n"
    '\tif not text:return CO(a,subprocess.DEVNULL,pass_fds)\n'
    '\twith ER(text)as b:return CO(a,b,pass_fds)\n'
    'def ES(a,b,c=0,limit=0):\n'
    '\td,e,f=CP(a,b,c,limit)\n'
    '\tif d:raise B(CQ(b,d,f))\n'
    '\treturn e\n'
    'def CQ(a,b,c):d=[e for e in c.splitlines()if e.strip()][:4];return f"{a} failed ({b}): {\' / \'.join(d)or\'it said nothing\'}"\n'
    'def CP(a,b,c=0,limit=0):\n'
    '\td=limit or 3e1+c/100000\n'
    '\ttry:e,f=a.communicate(timeout=d)\n'
    '\texcept BaseException as g:\n'
    '\t\twith contextlib.suppress(ProcessLookupError):os.killpg(a.pid,signal.SIGKILL)\n'
    '\t\ta.communicate()\n'
    '\t\tif isinstance(g,subprocess.TimeoutExpired):raise B(f"{b} gave no answer in {d:.0f} s")from None\n'
    '\t\traise\n'
    "\treturn a.returncode,e.decode('utf-8','replace'),f.decode('utf-8','replace')\n"
    '@contextmanager\n'
    'def ER(text):\n'
    '\timport fcntl;a=text.encode();b,c=os.pipe()\n'
    '\ttry:fcntl.fcntl(c,1031,len(a)or 1)\n'
    "\texcept OSError:os.close(b);os.close(c);b=os.memfd_create('vps-firewall',os.MFD_CLOEXEC);c=os.dup(b)\n"
    '\ttry:\n'
    "\t\twith open(c,'wb')as d:d.write(a)\n"
    '\t\twith contextlib.suppress(OSError):os.lseek(b,0,os.SEEK_SET)\n'
    '\t\tyield b\n'
    '\tfinally:os.close(b)\n'
    'def CO(a,b,pass_fds):\n'
    '\tc=a[0]if os.path.isabs(a[0])else CR(a[0])\n'
    '\tif not c:raise B(f"{a[0]} is not installed")\n'
    "\td={'PATH':CS(),'LC_ALL':'C'}\n"
    "\tif getattr(AY,'alone',False):d['XTABLES_LOCKFILE']='/proc/self/fd/0'\n"
    '\ttry:return subprocess.Popen([c,*a[1:]],stdin=b,stdout=subprocess.PIPE,stderr=subprocess.PIPE,env=d,start_new_session=True,pass_fds=pass_fds)\n'
    '\texcept OSError as e:raise B(f"{a[0]}: {e.strerror}")from None\n'
    '@contextmanager\n'
    'def AZ():\n'
    "\twith ThreadPoolExecutor(1,'scratch')as a:a.submit(EQ).result();yield a\n"
    'def EQ():\n'
    '\ta=ctypes.CDLL(None,use_errno=True)\n'
    '\tif a.unshare(1073741824):b=os.strerror(ctypes.get_errno());raise P(f"cannot make a network namespace to rehearse the rules in: {b}")\n'
    '\tAY.alone=True\n'
    'def FG(a,b):\n'
    "\tif a.endswith('*'):return b.startswith(a[:-1])\n"
    "\treturn a in('',b)\n"
    "H='vps-firewall.service'\n"
    "CC='/etc/vps-firewall'\n"
    "CB={0:'nft',4:'v4',6:'v6'}\n"
    "AC='[Service]\\nExecStop=\\n'\n"
    '@dataclass(frozen=True)\n'
    "class R:c_:0;b_:0=(H,);ai_:0='';o_:0='';fallback:0='';w_:0='';u_:0=False;ak_:0=()\n"
    '@dataclass(frozen=True)\n'
    'class AN:\n'
    '\tname:0;ad_:0=frozenset();p_:0=field(default_factory=dict)\n'
    '\tdef ae_(a,b,c):d={e:f"{CC}/rules.{CB[e]}"for e in c};return a.p_.get(b)or R(d,ai_=b)\n'
    "AQ='/etc/nftables/vps-firewall.nft'\n"
    "AB=AN('other')\n"
    "CD=AN('redhat',frozenset({'rhel','fedora','centos'}),p_={'iptables':R({4:'/etc/sysconfig/iptables',6:'/etc/sysconfig/ip6tables'},('iptables.service','ip6tables.service'),'iptables-nft-services',fallback='.fallback',w_=AC+'ExecStop=-/usr/bin/rm -f /var/lock/subsys/UNIT\\n'),'nftables':R({0:AQ},('nftables.service',),'nftables','/etc/sysconfig/nftables.conf',w_=AC)})\n"
    'CA=AN(\'debian\',frozenset({\'debian\',\'ubuntu\'}),p_={\'iptables\':R({4:\'/etc/iptables/rules.v4\',6:\'/etc/iptables/rules.v6\'},(\'netfilter-persistent.service\',),\'iptables-persistent\',ak_=tuple(f"usr/share/netfilter-persistent/plugins.d/{name}"for name in(\'15-ip4tables\',\'25-ip6tables\'))),\'nftables\':R({0:AQ},(\'nftables.service\',),\'nftables\',\'/etc/nftables.conf\',w_=AC,u_=True)})\n'
    'AM={each.name:each for each in(CD,CA,AB)}\n'
    'AO=tuple(place for each in AM.values()for place in each.p_.values())\n'
    'AP=frozenset(unit for place in AO for unit in place.b_)|{H}\n'
    "CM='cloud-init-local.service'\n"
    "BE='/etc/systemd/system'\n"
    'def CX(a):b=os.path.realpath(E/os.devnull);return any(os.path.realpath(E/f"{c}/{a}")==b for c in AT)\n'
    'def M(a):return not CX(a)and any(a in AU(f"etc/systemd/system/{b}")for b in AU(\'etc/systemd/system\')if b.endswith(\'.wants\'))\n'
    'def FA(a,b,c,d):\n'
    '\tif c:return{f"{BE}/{H}":EX(a,b,d)}\n'
    "\te='# Made by vps-firewall: the rules come before cloud-init, and stay.\\n'+CU;return{EV(f):e+b.w_.replace('UNIT',f.partition('.')[0])for f in b.b_}\n"
    'def EV(a):return f"{BE}/{a}.d/vps-firewall.conf"\n'
    'CU=f"[Unit]\\nBefore={CM}\\n"\n'
    'def EX(a,b,c):d=a.x_(b.c_,c);e=\'\'.join(f"After={f}\\n"for f in b.b_ if b.u_);return e.join(\'[Unit]\\nDescription=Load the firewall rules that vps-firewall saved\\nDocumentation=man:nft(8) man:iptables-restore(8)\\nDefaultDependencies=no\\nRequiresMountsFor=/etc /usr\\nWants=network-pre.target\\nAFTER\\nBefore=cloud-init-local.service network-pre.target sysinit.target shutdown.target\\nConflicts=shutdown.target\\n\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nLOADS\\n\\n[Install]\\nWantedBy=sysinit.target\\n\'.split(\'AFTER\\n\')).replace(\'LOADS\',\'\\n\'.join(f"ExecStart={g}"for g in d))\n'
    'def CV():return[]\n'
    "def EW(a):F('systemctl',*CV(),'enable',a)\n"
    "def EU(a):F('systemctl','disable',a,'--no-reload');F('systemctl','mask',a,'--no-reload')\n"
    'def EZ(a):\n'
    "\tif os.path.isdir('/run/systemd/system'):F('systemctl','stop',a)\n"
    "def CW(a):F('systemctl',*CV(),'disable',a)\n"
    'def EY():\n'
    "\tif os.path.isdir('/run/systemd/system'):F('systemctl','daemon-reload')\n"
    "AD='/etc/ufw/ufw.conf'\n"
    "V={'firewalld':'firewalld.service','ufw':'ufw.service'}\n"
    'def AX():return tuple(a for a in V if EN(a))\n'
    'def EN(a):\n'
    '\tif a==\'ufw\':return bool(re.search(\'(?m)^ENABLED=[\\\\"\\\']?yes\',U(AD)))\n'
    '\treturn M(V[a])\n'
    'def EO(a,b):\n'
    '\tc=V[a];d=[lambda:EU(c),lambda:EZ(c)]\n'
    "\tif a=='ufw':d.insert(0,lambda:EM(b))\n"
    '\te=[]\n'
    '\tfor f in d:\n'
    '\t\ttry:f()\n'
    '\t\texcept(A,OSError)as g:e.append(D(g))\n'
    '\treturn[*dict.fromkeys(e)]\n'
    'def EM(a):\n'
    "\tb=J(AD,'surrogateescape')or'';CJ({AD:re.sub('(?m)^ENABLED=.*','ENABLED=no',b)},S(),mode=None)\n"
    "\tif not a.shares_tables:F('ufw','--force','disable')\n"
    "L='/var/lib/vps-firewall'\n"
    'BB=f"{L}/status-private.json"\n'
    'BA=f"{L}/status.json"\n'
    'AE=f"{L}/policy.json"\n'
    'AF=f"{L}/services.json"\n'
    'BC=f"{L}/tools"\n'
    "def BD():a=(J('/var/lib/cloud/data/instance-id')or'').strip();return a if a!='iid-datasource-none'else''\n"
    "def ET():return frozenset(CK(K(AF),'enabled'))\n"
    '@dataclass(frozen=True)\n'
    'class ED:s_:0=AB;major:0=0;b_:0=frozenset();ah_:0=frozenset();e_:0=();v_:0=True\n'
    "def EH(a):b=EF();c={b.get('ID',''),*b.get('ID_LIKE','').split()};return ED(s_=next((d for d in AM.values()if d.ad_&c),AB),major=int(re.match('\\\\d{0,4}',b.get('VERSION_ID',''))[0]or 0),b_=frozenset(e for e in AP if EE(e)),ah_=frozenset(e for e in AP if M(e))-a,e_=AX(),v_=os.path.exists(E/'proc/net/if_inet6'))\n"
    'def EE(a):b=any(a in AU(c)for c in AT);d=[e for f in AO if a in f.b_ for e in f.ak_];return b and all(os.path.exists(E/e)for e in d)and not CX(a)\n'
    'def EI():return tuple(dict.fromkeys(a for(b,a)in EG()))\n'
    "def EG():a=[b.split()for b in U('proc/net/route').splitlines()];c=[(4,d[0])for d in a if len(d)>7 and d[1]==d[7]=='00000000'];a=[b.split()for b in U('proc/net/ipv6_route').splitlines()];c+=[(6,d[-1])for d in a if len(d)>9 and d[1]=='00'and not set(d[0])-{'0'}];return tuple(dict.fromkeys(e for e in c if e[1]!='lo'))\n"
    'def EF():a=U(\'etc/os-release\')or U(\'usr/lib/os-release\');b=(c.partition(\'=\')for c in a.splitlines()if\'=\'in c);return{d.strip():e.strip().strip(\'"\\\'\')for(d,f,e)in b}\n'
    '@dataclass(frozen=True)\n'
    'class FC:backend:0;texts:0\n'
    '@dataclass(frozen=True)\n'
    'class FE:name:0;candidates:0;fallback:0;open:0;source:0;good:0=True;warnings:0=();interfaces:0=None\n'
    '@dataclass(frozen=True)\n'
    'class FD:l_:0;al_:0\n'
    "def DB(a):b=tuple(FC(c['backend'],DA(c['texts']))for c in a['candidates']);return FE(a['name'],b,DA(a['fallback']),a['open'],a['source'],a['good'],tuple(a['warnings']),a['interfaces'])\n"
    'def DA(a):return{int(b):c for(b,c)in a.items()}\n'
    'def DC(a,b):\n'
    '\tif a==b:return[]\n'
    '\tc,d=b.splitlines(),a.splitlines();e,f=Counter(c)-Counter(d),Counter(d)-Counter(c);g=[f"-{h}"for h in c if h in e]+[f"+{h}"for h in d if h in f];return list(dict.fromkeys(g))or[\'+(the same lines in another order)\']\n'
    "W='inet vps_firewall'\n"
    "def X(a):a=re.sub('\\\\t# count \\\\d+$','',a,flags=re.MULTILINE);return re.sub('(\\\\tflags dynamic[^\\\\n]*\\\\n(?:\\\\t\\\\t\\\\w[^\\\\n]*\\\\n)*?)\\\\t\\\\telements = \\\\{[^}]*\\\\}\\\\n','\\\\1',a)\n"
    'def DD(a):\n'
    "\tb,c='',[]\n"
    '\tfor d in a.splitlines():\n'
    '\t\tif d.startswith(\'\\t\\t\'):c.append(f"{b}: {d.strip()}")\n'
    "\t\telif d.startswith('\\t')and d.endswith(' {'):b=d[1:-2];c.append(b)\n"
    "\treturn'\\n'.join(c)\n"
    'class DP:\n'
    "\tname='nftables';families=0,;shares_tables=False;n_='nft',\n"
    '\tdef x_(a,b,c):return[f"{c[\'nft\']} -f {b[0]}"]\n'
    '\tdef load(a,b,c=(),pass_fds=()):\n'
    "\t\tif b:F('nft','-f','-',text=b[0],pass_fds=pass_fds)\n"
    '\tdef dump(a,b):\n'
    "\t\tc=CT('nft','-s','list','table',*W.split());d,e,f=CP(c,'nft')\n"
    "\t\tif d==1 and f.startswith('Error: No such file or directory'):return{0:''}\n"
    "\t\tif d:raise B(CQ('nft',d,f))\n"
    '\t\tif not e.startswith(f"table {W} {{")or not e.rstrip().endswith(\'}\'):raise B(\'nft printed something that is not a table\')\n'
    '\t\treturn{0:e}\n'
    '\tdef ao_(a,b,pass_fds=()):a.load({0:BR+X(b[0])},(),pass_fds)\n'
    '\tdef y_(a,b,c,d,e,e_):\n'
    '\t\tif c[0]and e and not a.h_(c,d()):return{},[]\n'
    '\t\treturn dict(b),[]\n'
    '\tdef h_(a,b,c):d,e=X(b[0]),X(c[0]);return[]if d==e else DC(DD(e),DD(d))\n'
    '\tdef ap_(a,b,c):return X(b[0])==X(c[0])\n'
    '\tdef am_(a,b,e_):return[]\n'
    '\tdef au_(a,b,c,e_):return{0:b[0]},[]\n'
    'BR=f"table {W}\\ndelete table {W}\\n"\n'
    'Y={each.name:each for each in(DP(),)}\n'
    'def FB(a):return CR(a)\n'
    '@dataclass(frozen=True)\n'
    'class FF:\n'
    '\tbackend:0;a_:0;k_:0=False\n'
    '\t@property\n'
    '\tdef b_(a):return(H,)if a.k_ else a.a_.b_\n'
    '\tdef n_(a,b=E):\n'
    '\t\tc={d:FB(d)for d in a.backend.n_}\n'
    '\t\tif(e:=[d for(d,f)in c.items()if not f]):raise P(f"{a.backend.name}: {\', \'.join(e)} not installed")\n'
    '\t\treturn c\n'
    'def AG(a,b):c=Y[a];d=b.s_.ae_(a,c.families);e=b.b_&b.ah_ if d.u_ else b.b_;return FF(c,d,H in d.b_ or not e.issuperset(d.b_))\n'
    "def EP():a,b=K(AE),BD();c=a.get('section');return c if b and a.get('instance')==b and isinstance(c,dict)else{}\n"
    'def DG(a):return{}\n'
    "def DO(a,b,c,d,e,f):g={**c.source,'backend':a.backend.name,'instance':BD()if c.good else''};h={*ET(),*(i for i in a.b_ if not M(i))};j={*CK(K(AF),'disabled'),*(V[k]for k in d.e_)};l={'enabled':sorted(h),'disabled':sorted(j)};m={AE:(T(g),384),AF:(T(l),384)};return BM(a,b,c.fallback,e,f,also=m)\n"
    'def BM(a,b,fallback,c,d,also=None):\n'
    '\te=a.a_;f=FA(a.backend,e,a.k_,a.n_(E));g={h:(i,420)for(h,i)in f.items()};j={h:(b[k],384)for(k,h)in e.c_.items()}\n'
    '\tif not a.k_ and e.fallback:j.update({h+e.fallback:(fallback[k],384)for(k,h)in e.c_.items()})\n'
    "\tif not a.k_ and e.o_:l=J(E/e.o_,'surrogateescape');j[e.o_]=EK(l,e.c_[0]),None\n"
    '\tm=DG({**j,**g});n={**m,**j,**g,**(also or{})};o=AW({E/h:p for(h,p)in n.items()},c);d+=BL(o)\n'
    '\tif any(h in o for h in g):EY()\n'
    '\treturn o\n'
    'def DN(a,b):c=[d for d in b.s_.p_.values()if d.c_!=a.a_.c_];e=[f for d in c for f in d.b_];return[f for f in e if f not in a.b_ and M(f)]\n'
    'def BK(a,b):\n'
    '\tfor c in a.b_:\n'
    '\t\tif not M(c):b.append(c);EW(c)\n'
    '\tif b:CL()\n'
    'def BL(a):\n'
    '\ttry:\n'
    "\t\tif a and os.path.exists('/sys/fs/selinux/enforce'):F('restorecon',*a,limit=3.)\n"
    '\texcept B as b:return[f"SELinux labels were not set: {b}"]\n'
    '\treturn[]\n'
    "def BI(a,b,c=''):\n"
    '\td=[]\n'
    '\ttry:\n'
    '\t\tfor e in DN(a,b):CW(e);d.append(f"{e} no longer starts at boot: {a.backend.name} is what filters here")\n'
    '\texcept(A,OSError)as f:d.append(f"not disabled: {D(f)}")\n'
    '\treturn d\n'
    "BN='in_force','backend','digest','open','saved','services','skipped_families','warnings','interfaces'\n"
    'def AI():return K(BB)or K(BA)\n'
    'def BQ(a):\n'
    '\tb={c:BP(a[c])for c in(\'problems\',\'notes\')};d=re.sub(\'"from": "(?!any).*"\',\'"from": "hidden"\',T({**a,**b}))\n'
    '\twith contextlib.suppress(OSError):AW({BB:(T(a),384),BA:(d,420)},S())\n'
    "def BP(a):return[re.split(': |\\\\[(?!\\\\d+\\\\])|\\\\w{1,4}(\\\\.\\\\d|:\\\\S)',b)[0]for b in a]\n"
    'def BO(a,b,c):\n'
    "\td={'backend':a.backend.name,'digest':hashlib.sha256(''.join(c.values()).encode()).hexdigest(),'open':b.open,'saved':list(a.a_.c_.values()),'services':list(a.b_),'skipped_families':[],'warnings':list(b.warnings)}\n"
    "\tif b.interfaces:d['interfaces']=b.interfaces\n"
    '\treturn d\n'
    'class N:\n'
    "\tdef __init__(a,b='command',c=()):a.steps={};a.notes=list(c);a.failed_in='';a.q_=AI();d=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime());a.status={'result':'unfinished','by':b,'when':d,'problems':[]}\n"
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
    "\tdef aa_(a,b):c={'by':a.status['by'],'when':a.status['when'],'problems':AL(b)};a.status={**a.unchanged(),**c,'result':'failed','failed_in':a.failed_in}\n"
    '\tdef unchanged(a):b=a.q_;c=f"what {b.get(\'by\')} left at {b.get(\'when\')}"if b else\'nothing of ours\';return{\'in_force\':c,**{d:b[d]for d in BN if d in b}}\n'
    "\tdef write(a):a.status['steps'],a.status['notes']=a.steps,[*dict.fromkeys(a.notes)];BQ(a.status)\n"
    '\tdef ab_(a,b,c):\n'
    '\t\tif c:return A(f"{D(b)}; and this could not be put back: {\'; \'.join(c)}")\n'
    '\t\tif isinstance(b,O)and a.failed_in==\'load\':return O(f"{b}; nothing was changed")\n'
    '\t\tif isinstance(b,(A,OSError,KeyboardInterrupt)):return EB(f"{D(b)}; what was there before is back")\n'
    '\t\treturn b\n'
    '@dataclass(frozen=True)\n'
    'class DK:g_:0;texts:0;j_:0;aq_:0;t_:0;f_:0;notes:0\n'
    'def DM(a,b,c):\n'
    "\td=c.enter_context(ThreadPoolExecutor(1,'keep'));e=[];f=[]\n"
    '\tfor(g,h,i)in DL(a,b):\n'
    '\t\tj=AG(g,b);k=j.backend\n'
    "\t\ttry:j.n_();l={m:n for(m,n)in h.items()if m not in i};o=c.enter_context(AZ());p=d.submit(k.dump,tuple(l));o.submit(k.load,l).result();q=o.submit(BJ,k,l);p.result();f+=['IPv6 is off in this kernel: its rules are saved, and not loaded']if i else[];return DK(j,h,l,i,q,p,tuple(f))\n"
    '\t\texcept A as r:e.append(r);f.append(f"{g} was not used: {r}")\n'
    "\ts='; '.join(dict.fromkeys(map(str,e)))\n"
    '\tif all(isinstance(t,P)for t in e):raise P(s)\n'
    '\traise O(f"{s}; nothing was changed")\n'
    'def DL(a,b):\n'
    '\tfor c in a.candidates:\n'
    '\t\tyield(c.backend,c.texts,())\n'
    '\t\tif not b.v_ and 6 in c.texts:yield(c.backend,c.texts,(6,))\n'
    'def BJ(a,b):\n'
    '\tc=a.dump(tuple(b))\n'
    '\tif(d:=sum(max(0,e.count(AH)-c[f].count(AH))for(f,e)in b.items())):raise B(f"{a.name}: {d} of the rules are not there after they were loaded")\n'
    '\treturn c\n'
    'AH=\'comment "\'\n'
    'def DJ(a,b,c):\n'
    "\td=AG(b,c);e,f=d.backend,[g.texts for g in a.candidates if g.backend==b];h=AI().get('skipped_families',());i=[]\n"
    '\twith AV(),AZ()as j:\n'
    '\t\tfor k in f:\n'
    '\t\t\tl={m:n for(m,n)in k.items()if m not in h}\n'
    '\t\t\ttry:j.submit(e.load,l).result();break\n'
    '\t\t\texcept B as o:p=o\n'
    '\t\telse:raise p\n'
    '\t\tq=j.submit(BJ,e,l).result()\n'
    '\t\tfor(m,r)in d.a_.c_.items():i+=DH(e,m,r,k[m],q)\n'
    '\t\ts=[t for t in d.b_ if not M(t)];i+=[f"+{t} enabled: nothing loads the rules at boot"for t in s];i+=DI(e.h_(e.dump(tuple(l)),q))\n'
    '\treturn i\n'
    'def DH(a,b,c,text,d):\n'
    '\te=J(c)\n'
    '\tif e is None:return[f"+{c} (there is no such file)"]\n'
    '\tif e==text:return[]\n'
    '\tif b in d:\n'
    '\t\ttry:\n'
    '\t\t\twith AZ()as f:f.submit(a.load,{b:e}).result();g=f.submit(a.dump,(b,)).result()\n'
    '\t\texcept B as h:return[f"+{c} (does not load: {h})"]\n'
    '\t\ti=a.h_(g,{b:d[b]})\n'
    '\telse:i=DC(text,e)\n'
    '\treturn[f"{j[0]}{c} {j[1:]}"for j in i]\n'
    'def DI(a):return[f"{b[0]}kernel {b[1:]}"for b in a]\n'
    '@dataclass(frozen=True)\n'
    'class G:\n'
    '\tstatus:0;problems:0=();notes:0=();z_:0=False;ar_:0=False\n'
    '\t@property\n'
    "\tdef r_(a):return bool(a.status)and not a.status.get('open_families')\n"
    'def BH(a,b,c=None):\n'
    '\tc=c or N()\n'
    '\twith AV()as d,c.an_(),contextlib.ExitStack()as e:\n'
    "\t\twith c.d_('rehearse'):f=DM(a,b,e)\n"
    "\t\twith c.d_('keep'):g=f.f_.result()\n"
    "\t\th,i=f.g_,f.g_.backend;c.notes+=f.notes;c.status.update(BO(h,a,f.texts));c.status['skipped_families']=list(f.aq_);c.write();j=S(af_=True);k=[]\n"
    '\t\ttry:\n'
    "\t\t\twith c.d_('load'):l=BG(f,g,b,d)\n"
    "\t\t\twith c.d_('read back'):\n"
    '\t\t\t\tm=i.dump(tuple(f.j_))\n'
    '\t\t\t\tif(n:=i.h_(m,f.t_.result())):raise EA(f"the kernel holds something else than what was loaded: {\'; \'.join(n[:5])}")\n'
    "\t\t\twith c.d_('save'):o,p=i.au_(f.texts,h.a_.c_,b.e_);c.notes+=p;q=DO(h,o,a,b,j,c.notes)\n"
    "\t\t\twith c.d_('enable'):BK(h,k)\n"
    '\t\texcept BaseException as r:\n'
    "\t\t\twith c.d_('roll back'):s=DF(c,h,g,j,k,d)\n"
    '\t\t\traise c.ab_(r,s)from r.__cause__\n'
    "\t\twith c.d_('disable others'):j.ac_();c.notes+=i.am_(g,b.e_)if l else[];t=DE(f,b,c.notes,d);c.notes+=BI(h,b,c.q_.get('backend',''))\n"
    "\t\tc.status['result']='applied'if l or q or k else'unchanged';return G(c.status,z_=not t)\n"
    "def BG(a,b,c,d):e,f=a.g_.backend,a.g_.a_.c_;g=all((J(f[h])or'').startswith(i)for(h,i)in a.j_.items());j,k=e.y_(a.j_,b,a.t_.result,g,c.e_);e.load(j,k,[d]);return any(j.values())\n"
    'def DF(a,b,c,d,e,f):\n'
    '\tg=[]\n'
    '\tfor h in e:\n'
    '\t\twith contextlib.suppress(A):CW(h)\n'
    '\ttry:d.at_();a.notes+=BL([i for(i,j)in d.f_.items()if j])\n'
    '\texcept(A,OSError)as k:g.append(f"the files: {D(k)}")\n'
    '\ttry:\n'
    '\t\tif not BF(b,c):b.backend.ao_(c,[f])\n'
    '\texcept A as k:\n'
    '\t\tif not BF(b,c):g.append(f"the rules: {k}")\n'
    '\treturn g\n'
    'def BF(a,b):\n'
    '\ttry:return a.backend.ap_(a.backend.dump(tuple(b)),b)\n'
    '\texcept B:return False\n'
    'def DE(a,b,c,d):\n'
    '\te=[]\n'
    '\tfor f in b.e_:\n'
    '\t\tif(g:=EO(f,a.g_.backend)):e.append(f);c.append(f"{f} could not be disabled: {\'; \'.join(g)}")\n'
    '\t\telse:c.append(f"{f} was disabled and masked: its rules would conflict with these")\n'
    '\tif b.e_:\n'
    '\t\ttry:BG(a,a.g_.backend.dump(tuple(a.j_)),b,d)\n'
    '\t\texcept A as h:i=\' and \'.join(b.e_);c.append(f"what {i} did on the way out could not be mended: {h}")\n'
    '\treturn e\n'
    'def CZ(a):return tuple(AG(b,a)for b in Y)\n'
    "Z=logging.getLogger('cloudinit.config.cc_vps_firewall')\n"
    'def DW(a,b,c=(),d=N):\n'
    "\te=d('cloud-init',c)\n"
    '\ttry:\n'
    '\t\tCL()\n'
    '\t\tif not any(f.good for f in a.l_):\n'
    '\t\t\tg=BU(a.l_,b,d)[1]\n'
    "\t\t\tif g.get('result')in('applied','unchanged'):e.notes+=g['notes']\n"
    '\t\t\tb=replace(b,e_=AX())\n'
    "\t\twith e.d_('parse'):f=a.al_()\n"
    '\t\treturn BH(f,b,e)\n'
    '\texcept Exception as h:\n'
    '\t\ttry:i=BV(a.l_,b,h,e,d)\n'
    '\t\texcept Exception as j:return G({},[f"{D(j)}; and before it: {D(h)}"],e.notes)\n'
    "\t\tk=isinstance(h,Q)and not any(l.aj_ for l in h.problems);m=k and bool(i['services'])and not AX();return G(i,AL(h),e.notes,m,isinstance(h,O))\n"
    'def BV(a,b,c,d,e=N):\n'
    "\tf,g=BU(a,b,e);d.notes+=g.get('notes',());h={'in_force':f,'by':'cloud-init','result':'failed','problems':AL(c)};i={**g,**h,'notes':[*dict.fromkeys(d.notes)]}\n"
    "\tif d.failed_in:i['failed_in']=d.failed_in\n"
    '\tBQ(i)\n'
    "\tif'open'not in i:raise EC('nothing could close this host')\n"
    '\treturn i\n'
    'def BU(a,b,c):\n'
    '\tfor(d,e)in DQ(a,b,c):\n'
    '\t\twith contextlib.suppress(Exception):return d.name,e()\n'
    "\treturn'nothing: this host may be open',{}\n"
    'def DQ(a,b,c):\n'
    '\tfor d in a:\n'
    '\t\tfor e in range(len(d.candidates)):f=replace(d,candidates=d.candidates[e:]);yield(d,partial(DU,f,b,c))\n'
    '\t\tyield(d,partial(BT,d,b,c,whole=True))\n'
    '\tfor d in a:yield(d,partial(BT,d,b,c,whole=False))\n'
    "def DU(a,b,c):return BH(a,b,c('first boot',())).status\n"
    'def BT(a,b,c,d):\n'
    '\tfor e in sorted(a.candidates,key=lambda f:len(Y[f.backend].families)):\n'
    '\t\twith contextlib.suppress(B):return DR(a,e,b,c,d)\n'
    '\traise B\n'
    'def DR(a,b,c,d,e):\n'
    '\tf,g=AG(b.backend,c),b.texts;h=[];i=BO(f,a,g)\n'
    '\tfor(j,k)in g.items():\n'
    '\t\ttry:f.backend.load({j:k})\n'
    '\t\texcept B as l:\n'
    '\t\t\tif e and(j!=6 or c.v_):raise\n'
    '\t\t\th.append(f"IPv{j} may be open: {l}");i[\'open_families\']=[]if e else[j]\n'
    "\tif len(h)==len(g):raise B('; '.join(h))\n"
    '\twith contextlib.suppress(A,OSError),AV()as m:h+=BI(f,c)\n'
    '\ttry:BM(f,g,a.fallback,S(),h);BK(f,[])\n'
    '\texcept(A,OSError)as l:h.append(f"the next boot may be open: {D(l)}");i[\'saved\']=i[\'services\']=[]\n'
    "\treturn{**d('first boot',()).status,**i,'notes':['loaded without a rehearsal: this host does not allow one, or its tools or disk are broken',*h]}\n"
    'def DV(a,b,c,d=(),e=lambda:None,f=N):\n'
    '\tdef g():\n'
    '\t\to=a();p=DW(b(o),o,d,f)\n'
    '\t\tif not p.problems:\n'
    "\t\t\tfor q in p.status['notes']:Z.info('%s',q)\n"
    "\t\t\tZ.info('The firewall is loaded, verified and saved')\n"
    '\t\treturn asdict(p)\n'
    '\tdef j():\n'
    '\t\ttry:return G(**BW(g))\n'
    '\t\texcept BS as o:p=o\n'
    "\t\tdef q():r,s=a(),N('cloud-init',d);return asdict(G(BV(b(r).l_,r,p,s),[str(p)],s.notes))\n"
    '\t\treturn G(**BW(q))\n'
    '\ti,k,h=j(),J(BC),a();l=CZ(h)\n'
    '\tfor m in(*l,*(n for n in CZ(h)if n not in l)):\n'
    '\t\tif DT(m,l,i):d=[*i.notes,DS(m,c,i,k)];i=j()\n'
    '\tif i.z_:e()\n'
    '\tif not i.status:raise A(i.problems[0])\n'
    '\treturn[*i.problems]\n'
    'class BS(A):0\n'
    'def BW(a):\n'
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
    '\tif os.WIFSIGNALED(j)or not i:raise BS(f"the engine was killed at its work (signal {os.WTERMSIG(j)})")\n'
    '\tk,l=json.loads(i)\n'
    '\tif not k:raise A(l)\n'
    '\treturn l\n'
    'def DX():\n'
    "\twith open('/proc/uptime',encoding='ascii')as a:return a.read().split('.')[0]\n"
    'def AJ(a):\n'
    '\twith contextlib.suppress(P):return bool(a.n_())\n'
    '\treturn False\n'
    'def DT(a,b,c):\n'
    '\tif not c.problems or AJ(a):return False\n'
    '\tif c.r_:return a in b and(c.ar_ or not any(map(AJ,b)))\n'
    '\treturn True\n'
    'def DS(a,b,c,d):\n'
    '\te,f=a.a_.ai_,BD()\n'
    '\tif d!=f:\n'
    '\t\ttry:b.distro.install_packages([e])\n'
    "\t\texcept Exception as g:Z.info('%s could not be installed: %s',e,g)\n"
    '\t\tif AJ(a):h=f"unprotected for up to {DX()} s, from power-on to here";return f"{e} had to be installed: {\'closed but for SSH\'if c.r_ else h}"\n'
    '\t\twith contextlib.suppress(OSError):CJ({BC:f},S(),420)\n'
    '\treturn f"{e} could not be installed, which is tried once: install it, and reboot"\n'
    'def CY(a):\n'
    '\tfor b in EI():\n'
    "\t\tif any(FG(c,b)for c in a.get('trusted',())):return b\n"
    "\treturn''\n"
    "BX=os.path.join(os.path.dirname(__file__),'plans')\n"
    "AA='vps_firewall'\n"
    'public=BP\n'
    "def enter(a,b,c,d):e=a if isinstance(a,dict)else{};f=str(e.get('backend','auto'));return DV(BZ,lambda g:DY(e,d),b,(),c)\n"
    'def BZ():return EH(frozenset())\n'
    'def DY(a,b):\n'
    "\tc=BY();d,e,f=(g for g in map(DB,c['plans']));h=d.source['section'];i=[replace(d,name='the last good policy')]if EP()==h else[];i+=[e]if all(a.get(j)==h.get(j)for j in('ssh','lists'))else[];k=c['default_port']and[*b]!=['22']\n"
    '\tdef l():\n'
    '\t\tif k:m=f"sshd listens on {\', \'.join(b)} here, not on 22; write port: and bundle again";raise Q([AK(f"{AA}.ssh",m)])\n'
    "\t\tif a!=h:raise Q([AK(AA,'is not what this bundle was made of; make it again')])\n"
    '\t\tif CY(d.source):m=f"{CY(d.source)} has the default route here, and is trusted; name networks";raise Q([AK(f"{AA}.allow",m)])\n'
    '\t\treturn d\n'
    '\treturn FD([]if k else[*i,f],l)\n'
    'def BY():\n'
    "\twith open(BX,encoding='utf-8')as a:return json.load(a,strict=False)\n"
    'def main():\n'
    '\ttry:\n'
    "\t\tif sys.argv[1:]==['status']:print(T(AI()),end='');return 0\n"
    "\t\tif sys.argv[1:]!=['verify']:raise A('vps-firewall status | verify')\n"
    '\t\ta=K(AE)\n'
    "\t\tfor b in map(DB,BY()['plans']):\n"
    "\t\t\tif b.source['section']==a.get('section'):c=DJ(b,str(a.get('backend')),BZ());print('\\n'.join(c)or'equal: kernel, saved file and policy');return 6 if c else 0\n"
    "\t\traise A('no policy of this bundle is in force')\n"
    '\texcept Exception as d:print(f"vps-firewall: {D(d)}",file=sys.stderr);return getattr(d,\'exit_code\',1)'
)
