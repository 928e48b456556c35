"""What never ends, or needs a terminal: refused, or over when its time is."""

from tests.security.attack import End, contained, refused

_SOON = {"timeout": 0.4}
ROWS = (
    *refused(
        below=None,
        edit="edit cm/settings",
        terminal="exec -it web-1 -- sh",
        terminal_other_way_round="exec -ti web-1 -- sh",
        terminal_in_two="exec -i -t web-1 -- sh",
        terminal_long="exec --stdin --tty web-1 -- sh",
        terminal_behind="exec web-1 -it -- sh",
        terminal_of_a_new_pod="run x --image=busybox -it --rm -- sh",
        attach="attach web-1",
        attach_behind_flags="-n default attach web-1",
        tunnel="port-forward web-1 8080",
        tunnel_behind_flags="--namespace=default port-forward pod/web-1 :80",
        proxy="proxy",
        proxy_on_all="proxy --address=0.0.0.0 --accept-hosts='.*'",
        debug="debug web-1 -it --image=busybox",
        debug_of_a_node="debug node/node-1 -it --image=busybox",
        cluster_of_flags=f"get pods -{'A' * 1_000}",
        cluster_of_flags_of_a_filter=f"get pods | grep -{'i' * 32_000} x",
    ),
    contained("followed-log", "logs -f web-1", End.HARMLESS, fields=_SOON),
    contained("followed-log-in-a-cluster", "logs -pf web-1", End.HARMLESS, fields=_SOON),
    contained("watch", "get pods -w", End.HARMLESS, fields=_SOON),
    contained("watch-alone", "get pods --watch-only", End.HARMLESS, fields=_SOON),
    contained("watch-of-events", "events --watch", End.HARMLESS, fields=_SOON),
    contained("wait", "wait --for=condition=Never pod/web-1 --timeout=9999h", fields=_SOON),
    contained("wait-for-ever", "wait --for=condition=Never pod/web-1 --timeout=-1s", fields=_SOON),
    contained("filter", "get pods -o name | awk 'BEGIN{while (1) x = 1}'", fields=_SOON),
)
