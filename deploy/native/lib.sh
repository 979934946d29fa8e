# What every server's script shares. Sourced, never run.
#
# A script sets `name` and `run` (where this instance keeps configuration, data, log and pid), defines the functions
#   install     put the program under $home; cheap when it is there
#   boot        write the configuration and `launch` the process; only called when nothing runs
#   ready       true once the server really answers
#   env_lines   print `export FIRN_TEST_…=…` lines
# and, if it wants, `after_start` (make a bucket, a database), then ends with `server "$@"`.

set -euo pipefail
export LC_ALL=C.UTF-8

native=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
deploy=$(dirname "$native")
home=${FIRN_STACK_HOME:-$HOME/.cache/firn-stack}

say() { echo "$name: $*" >&2; }
die() { say "$*"; exit 1; }
need() { # COMMAND DEBIAN-PACKAGE
  command -v "$1" >/dev/null || die "$1 is needed: apt-get install $2"
}

# locked FILE COMMAND…: one process at a time; `launch` closes the descriptor, so no server keeps the lock.
locked() {
  local file=$1; shift
  mkdir -p "$(dirname "$file")"
  ( flock 9; "$@" ) 9>"$file"
}

# A pid file holds the pid and the start time of the process, so that a recycled pid is never taken for ours. A zombie has none: it
# has ended, and waits only for its parent to notice.
start_time() { sed -n 's/^.*) //; /^[ZX]/!p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
alive() { # [PIDFILE]
  local pid since
  read -r pid since 2>/dev/null <"${1:-$run/pid}" || return 1
  [ -n "$since" ] && [ "$(start_time "$pid")" = "$since" ]
}
pid() { local p _; read -r p _ <"${1:-$run/pid}"; echo "$p"; }

# launch PIDFILE LOG COMMAND…: start a process of its own session. Not a function that forks: its pid is the server's.
launch() {
  local pidfile=$1 log=$2; shift 2
  setsid "$@" </dev/null >"$log" 2>&1 9>&- &
  echo "$! $(start_time $!)" >"$pidfile"
}
await() { # SECONDS LOG [PIDFILE]: until `ready`, or the process ended
  local end=$((SECONDS + $1))
  until ready; do
    alive "${3:-}" || { tail -20 "$2" >&2; die "it ended while starting; see $2"; }
    ((SECONDS < end)) || { tail -5 "$2" >&2; die "no answer after $1 s; see $2"; }
    sleep 0.2
  done
}
halt() { # [PIDFILE [SIGNAL [SECONDS]]]: ask, wait, then end its whole session
  local file=${1:-$run/pid} p end
  if alive "$file"; then
    p=$(pid "$file"); kill "-${2:-TERM}" "$p"
    end=$((SECONDS + ${3:-15}))
    while alive "$file"; do
      if ((SECONDS >= end)); then kill -KILL -- "-$p" 2>/dev/null || kill -KILL "$p"; break; fi
      sleep 0.1
    done
  fi
  rm -f "$file"
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port_free() { if port_open "$1"; then die "port $1 is taken by another program; move this server with its port variable ($0 prints them)"; fi; }
http_code() { curl -s -o /dev/null -w '%{http_code}' --max-time 5 "$@" || true; }

java_home() { # MAJOR…: the first of these JDKs that is here
  local v d
  for v in "$@"; do
    for d in "/usr/lib/jvm/java-$v-openjdk-amd64" "/usr/lib/jvm/temurin-$v-jdk-amd64" "/usr/lib/jvm/java-$v-openjdk-arm64" "/usr/lib/jvm/temurin-$v-jdk-arm64"; do
      if [ -x "$d/bin/java" ]; then echo "$d"; return; fi
    done
  done
  die "JDK $1 is needed under /usr/lib/jvm: apt-get install openjdk-$1-jre-headless, or set the JAVA_HOME variable of this script"
}

readonly maven_dependency=org.apache.maven.plugins:maven-dependency-plugin:3.6.1
maven() { # quiet: even with -q it writes escape sequences
  local out
  need mvn maven
  out=$(mvn -q -B "$@" 2>&1) || { tail -20 <<<"$out" >&2; die "Maven ended with an error; is its registry reachable?"; }
}
maven_copy() { maven "$maven_dependency:copy" -Dartifact="$1" -DoutputDirectory="$2"; }        # GROUP:ARTIFACT:VERSION[:TYPE[:CLASSIFIER]] DIR
maven_copy_dependencies() { # POM DIR OPTION…
  local pom=$1 dir=$2; shift 2
  maven -f "$pom" "$@" "$maven_dependency:copy-dependencies" -DincludeScope=runtime -DoutputDirectory="$dir"
}

# render FILE: replace ${NAME} by the shell variable NAME; a name that is not set is an error.
render() {
  local line out='' key
  while IFS= read -r line || [ -n "$line" ]; do
    while [[ $line =~ \$\{([A-Z_][A-Z0-9_]*)\} ]]; do
      key=${BASH_REMATCH[1]}
      line=${line//"\${$key}"/${!key?"$1 names $key, which is not set"}}
    done
    out+=$line$'\n'
  done <"$1"
  printf %s "$out"
}
sum() { cat "$@" | cksum | cut -d' ' -f1; }

# What the other servers must know about the object store and the metastore; each may be moved by its variable.
S3_PORT=${FIRN_S3_PORT:-19000}
S3_ENDPOINT=${FIRN_S3_ENDPOINT:-http://127.0.0.1:$S3_PORT}
S3_ACCESS_KEY=${FIRN_S3_ACCESS_KEY:-firn}
S3_SECRET_KEY=${FIRN_S3_SECRET_KEY:-firnfirn}
S3_BUCKET=${FIRN_S3_BUCKET:-lakehouse}
S3_REGION=${FIRN_S3_REGION:-us-east-1}
POSTGRES_PORT=${FIRN_POSTGRES_PORT:-15432}
HMS_BASE_PORT=${FIRN_HMS_PORT:-19083} # of the main metastore; peer, 4.0.0 and 3.1.3 have the next three
export S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY S3_BUCKET S3_REGION

start_locked() {
  install
  if ! alive; then
    mkdir -p "$run"
    cd "$run" # what a server writes beside itself stays there
    boot
    await "${start_timeout:-60}" "$run/log"
    say "up, pid $(pid)"
  fi
  if declare -F after_start >/dev/null; then after_start; fi
}
stop_locked() { if alive; then say "stopping pid $(pid)"; fi; halt "$run/pid" "${stop_signal:-TERM}"; }
status() {
  if alive && ready; then say "up, pid $(pid)${port:+, port $port}"; else say down; return 3; fi
}
usage() { sed -n '2,/^$/{s/^# \{0,1\}//p}' "$0"; exit 64; }

server() {
  case ${1:-} in
    install) locked "$home/$name/.lock" install ;;
    start) locked "$run/.lock" start_locked; env_lines ;;
    stop) locked "$run/.lock" stop_locked ;;
    status) status ;;
    env) env_lines ;;
    wipe) locked "$run/.lock" stop_locked; if declare -F wipe >/dev/null; then wipe; fi; rm -rf "$run" ;;
    *) usage ;;
  esac
}
