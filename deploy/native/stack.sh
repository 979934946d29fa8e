#!/usr/bin/env bash
# stack.sh install|up|down|status|env|wipe [SERVER…]: the servers that firn's tests speak to, without containers.
#
# SERVER: s3 postgres hms hms-peer hms-3.1.3 hms-4.0.0 spark trino airflow toxiproxy python. Without one: all but airflow's processes (its
# installation is enough to run a DAG) and hms-4.0.0. Everything lies under FIRN_STACK_HOME, ~/.cache/firn-stack.
# `eval "$(stack.sh env)"` puts the addresses into the environment as FIRN_TEST_…

set -euo pipefail
native=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usual='postgres s3 hms hms-peer hms-3.1.3 spark trino toxiproxy python'
every="$usual hms-4.0.0 airflow"

one() { # SERVER VERB
  case $1 in
    hms) "$native/hms.sh" "$2" main ;;
    hms-*) "$native/hms.sh" "$2" "${1#hms-}" ;;
    s3 | postgres | spark | trino | airflow | toxiproxy | python) "$native/$1.sh" "$2" ;;
    *) echo "stack.sh: $1 is no server: $every" >&2; exit 64 ;;
  esac
}
verb=${1:-}; [ $# = 0 ] || shift
asked=$*
case $verb in
  install) for s in ${asked:-$usual airflow}; do one "$s" install; done ;;
  up)
    # Trino starts while the metastores do: each is one JVM of its own.
    trino=
    [ -n "$asked" ] || { "$native/airflow.sh" install; }
    for s in ${asked:-$usual}; do
      if [ "$s" = trino ]; then one "$s" start >/dev/null & trino=$!; continue; fi
      one "$s" start >/dev/null
    done
    if [ -n "$trino" ]; then wait "$trino"; fi
    echo "their addresses, for a shell: eval \"\$($0 env)\"" ;;
  down) for s in $(printf '%s\n' ${asked:-$every} | tac); do one "$s" stop; done ;;
  status) # 3 if one that was asked for, or that `up` starts, is down
    rc=0
    for s in ${asked:-$every}; do one "$s" status || [[ " ${asked:-$usual} " != *" $s "* ]] || rc=3; done
    exit $rc ;;
  env)
    [ -n "$asked" ] || echo "export FIRN_TEST_NATIVE=$native"
    for s in ${asked:-$every}; do one "$s" env; done ;;
  wipe) for s in $(printf '%s\n' ${asked:-$every} | tac); do one "$s" wipe; done ;;
  *) sed -n '2,/^$/{s/^# \{0,1\}//p}' "$0"; exit 64 ;;
esac
