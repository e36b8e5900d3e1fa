;; A hook with one route, whose answers lie in its memory as the canonical ABI has them: whoever
;; changes a byte there answers what no SDK would.
(component
  (core module $m
    (memory (export "memory") 1)
    ;; 0: result<list<route>, error> of `routes`: ok, one route, at 64.
    (data (i32.const 0) "\00\00\00\00\40\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
    ;; 64: the route: address at 128, phase, flags, options at 160.
    (data (i32.const 64) "\80\00\00\00\09\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\a0\00\00\00\02\00\00\00")
    (data (i32.const 128) "GET /fuzz\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00{}")
    ;; 192: result<outcome, error> of `handle-route`: an error, with all its texts at 256.
    (data (i32.const 192) "\01\00\00\00\00\01\00\00\06\00\00\00\06\01\00\00\08\00\00\00\01\00\a4\01\01\00\00\00\10\01\00\00\07\00\00\00")
    (data (i32.const 256) "E_FUZZfuzz fuz\00\00{\22a\22:1}")
    (func (export "routes") (result i32) (i32.const 0))
    (func (export "handle-route") (param i32) (result i32) (i32.const 192)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))

  (type $error' (record (field "code" string) (field "message" string)
    (field "status" (option u16)) (field "details" (option string))))
  (export $error "error" (type $error'))
  (type $phase' (variant (case "before") (case "after") (case "named" string)))
  (export $phase "phase" (type $phase'))
  (type $flags' (flags "skip-assets" "keep-assets" "read-body" "observe-response" "observe-finish"))
  (export $flags "route-flags" (type $flags'))
  (type $route' (record (field "address" string) (field "phase" $phase) (field "flags" $flags)
    (field "options" string)))
  (export $route "route" (type $route'))
  (type $outcome' (enum "next" "next-route" "respond"))
  (export $outcome "outcome" (type $outcome'))

  (func $routes (result (result (list $route) (error $error)))
    (canon lift (core func $i "routes") (memory $memory)))
  (func $handle (param "route" u32) (result (result $outcome (error $error)))
    (canon lift (core func $i "handle-route") (memory $memory)))
  (instance $routing
    (export "error" (type $error))
    (export "phase" (type $phase))
    (export "route-flags" (type $flags))
    (export "route" (type $route))
    (export "outcome" (type $outcome))
    (export "routes" (func $routes))
    (export "handle-route" (func $handle)))
  (export "boathook:hook/routing@0.1.0" (instance $routing)))
