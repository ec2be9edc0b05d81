;; A function of the packed world that does what the first byte of each message says:
;;
;;   e  gives the message back            n  gives nothing
;;   f  fails with the message as text    F  increments the counter "count", then fails
;;   !  reaches unreachable               o  runs out of stack
;;   l  loops for ever                    z  sleeps for an hour
;;   m  takes all the memory it can       q  grows its table for ever
;;   p  prints a panic, then traps        P  prints the rest of the message as a line
;;   i  increments "count"                I  increments "count", then traps
;;   w  puts the message under "last"     d  deletes "last"
;;   g  gives the value of "last"         c  discards itself after incrementing "count"
;;   s  publishes the message to "side"   u  records 1 of the metric "seen"
;;   a  acknowledges entry 7              h  passes 64 KiB through the host, again and again
;;   t  gives its topic                   x  asks for the topic of record 1000000
;;   L  logs the message                  B  logs the message 12000 times
;;   r  makes the call's results wrong
;;   R  asks for 16 MiB of random bytes   E  ends the process with a failure
(component
  (type $partition-key (record (field "text" string) (field "base64" bool)))
  (type $id (record
    (field "ledger" u64) (field "entry" u64)
    (field "partition" s32) (field "batch-index" s32) (field "batch-size" s32)))

  (import "function-mesh:function/records@1.0.0" (instance $records
    (alias outer 1 $id (type $id))
    (export "message-id" (type $message-id (eq $id)))
    (alias outer 1 $partition-key (type $key))
    (export "message-key" (type $message-key (eq $key)))
    (export "topic" (func (param "index" u32) (result string)))
    (export "acknowledge"
      (func (param "topic" string) (param "id" $message-id) (result (result (error string)))))
    (export "discard" (func (param "index" u32)))))
  (alias export $records "message-key" (type $message-key))
  (import "function-mesh:function/publisher@1.0.0" (instance $publisher
    (alias outer 1 $message-key (type $outer-key))
    (export "message-key" (type $key (eq $outer-key)))
    (type $m (record
      (field "payload" (list u8))
      (field "key" (option $key))
      (field "properties" (list (tuple string string)))
      (field "event-time" (option u64))))
    (export "message" (type $message (eq $m)))
    (export "publish"
      (func (param "index" u32) (param "topic" string) (param "message" $message)
        (result (result (error string)))))))
  (import "function-mesh:function/state@1.0.0" (instance $state
    (export "get" (func (param "key" string) (result (result (option (list u8)) (error string)))))
    (export "put"
      (func (param "index" u32) (param "key" string) (param "value" (list u8))
        (result (result (error string)))))
    (export "delete"
      (func (param "index" u32) (param "key" string) (result (result (error string)))))
    (export "increment"
      (func (param "index" u32) (param "key" string) (param "amount" s64)
        (result (result s64 (error string)))))))
  (import "function-mesh:function/log@1.0.0" (instance $log
    (type $l (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $l)))
    (export "log" (func (param "level" $level) (param "message" string)))))
  (import "function-mesh:function/metrics@1.0.0" (instance $metrics
    (export "record" (func (param "name" string) (param "value" float64)))))
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer-pollable))
    (export "pollable" (type $pollable (eq $outer-pollable)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (import "wasi:io/error@0.2.0" (instance $io-error
    (export "error" (type (sub resource)))))
  (alias export $io-error "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $output-stream (sub resource)))
    (alias outer 1 $error (type $outer-error))
    (export "error" (type $error (eq $outer-error)))
    (type $e (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $e)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $output-stream)) (param "contents" (list u8))
        (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stderr@0.2.0" (instance $stderr
    (alias outer 1 $output-stream (type $outer-stream))
    (export "output-stream" (type $output-stream (eq $outer-stream)))
    (export "get-stderr" (func (result (own $output-stream))))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (import "wasi:cli/exit@0.2.0" (instance $exit
    (export "exit" (func (param "status" (result))))))

  ;; Memory and its allocator, which the lowered imports need before the function exists.
  (core module $libc
    (memory (export "memory") 2)
    (global $next (export "next") (mut i32) (i32.const 4096))
    (func (export "realloc")
      (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (block $fits
        (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $fits (i32.ne (i32.const -1) (memory.grow (i32.add (i32.const 1) (i32.div_u
          (i32.sub (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
          (i32.const 65536))))))
        unreachable)
      (if (local.get $old)
        (then (memory.copy (local.get $at) (local.get $old) (local.get $old-size))))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))

  (core func $topic
    (canon lower (func $records "topic") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $acknowledge
    (canon lower (func $records "acknowledge") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $discard (canon lower (func $records "discard")))
  (core func $publish
    (canon lower (func $publisher "publish") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $get (canon lower (func $state "get") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $put (canon lower (func $state "put") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $delete (canon lower (func $state "delete") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $increment
    (canon lower (func $state "increment") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $log (canon lower (func $log "log") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $record (canon lower (func $metrics "record") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $sleep (canon lower (func $clock "subscribe-duration")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $get-stderr (canon lower (func $stderr "get-stderr")))
  (core func $write (canon lower
    (func $streams "[method]output-stream.blocking-write-and-flush")
    (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $get-random
    (canon lower (func $random "get-random-bytes") (memory (core memory $memory)) (realloc (core func $realloc))))
  (core func $exit (canon lower (func $exit "exit")))

  (core module $function
    (import "libc" "memory" (memory 2))
    (import "libc" "next" (global $next (mut i32)))
    (import "libc" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "host" "topic" (func $topic (param i32 i32)))
    (import "host" "acknowledge"
      (func $acknowledge (param i32 i32 i64 i64 i32 i32 i32 i32)))
    (import "host" "discard" (func $discard (param i32)))
    (import "host" "publish" (func $publish
      (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32)))
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "put" (func $put (param i32 i32 i32 i32 i32 i32)))
    (import "host" "delete" (func $delete (param i32 i32 i32 i32)))
    (import "host" "increment" (func $increment (param i32 i32 i32 i64 i32)))
    (import "host" "log" (func $log (param i32 i32 i32)))
    (import "host" "record" (func $record (param i32 i32 f64)))
    (import "host" "sleep" (func $sleep (param i64) (result i32)))
    (import "host" "block" (func $block (param i32)))
    (import "host" "get-stderr" (func $get-stderr (result i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (import "host" "get-random" (func $get-random (param i64 i32)))
    (import "host" "exit" (func $exit (param i32)))
    (table $table 1 funcref)
    ;; 0: answers of host calls. 64: texts.
    (data (i32.const 64) "count")
    (data (i32.const 72) "last")
    (data (i32.const 80) "side")
    (data (i32.const 88) "seen")
    (data (i32.const 96) "thread 'main' panicked at src/lib.rs:7:9:\nno such word\nnote: run with RUST_BACKTRACE=1\n")

    ;; Where the next output goes, and what became of the message: set by $one.
    (global $out (mut i32) (i32.const 0))
    (global $status (mut i32) (i32.const 0))
    (global $wrong (mut i32) (i32.const 0))

    (func (export "start") (result i32)
      (i32.store8 (i32.const 0) (i32.const 0))
      (i32.const 0))

    (func $overflow (param i32) (result i32)
      (i32.add (i32.const 1) (call $overflow (i32.add (local.get 0) (i32.const 1)))))

    (func $give (param $at i32) (param $length i32)
      (memory.copy (global.get $out) (local.get $at) (local.get $length))
      (global.set $out (i32.add (global.get $out) (local.get $length))))

    (func $print (param $at i32) (param $length i32)
      (call $write (call $get-stderr) (local.get $at) (local.get $length) (i32.const 0)))

    (func $count (param $index i32)
      (call $increment (local.get $index) (i32.const 64) (i32.const 5) (i64.const 1) (i32.const 0)))

    (func $one (param $index i32) (param $at i32) (param $length i32)
      (local $op i32)
      (local.set $op (i32.load8_u (local.get $at)))
      (global.set $status (i32.const 0))
      (if (i32.eq (local.get $op) (i32.const 110)) ;; n
        (then (global.set $status (i32.const 1)) (return)))
      (if (i32.eq (local.get $op) (i32.const 102)) ;; f
        (then (global.set $status (i32.const 2))))
      (if (i32.eq (local.get $op) (i32.const 70)) ;; F
        (then (call $count (local.get $index)) (global.set $status (i32.const 2))))
      (if (i32.eq (local.get $op) (i32.const 33)) (then unreachable)) ;; !
      (if (i32.eq (local.get $op) (i32.const 111)) ;; o
        (then (drop (call $overflow (i32.const 0)))))
      (if (i32.eq (local.get $op) (i32.const 108)) (then (loop $for-ever (br $for-ever)))) ;; l
      (if (i32.eq (local.get $op) (i32.const 122)) ;; z
        (then (call $block (call $sleep (i64.const 3600000000000)))))
      (if (i32.eq (local.get $op) (i32.const 109)) ;; m
        (then
          (loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 16)))))
          unreachable))
      (if (i32.eq (local.get $op) (i32.const 113)) ;; q
        (then
          (loop $more
            (br_if $more (i32.ne (i32.const -1)
              (table.grow $table (ref.null func) (i32.const 1000)))))
          unreachable))
      (if (i32.eq (local.get $op) (i32.const 112)) ;; p
        (then (call $print (i32.const 96) (i32.const 88)) unreachable))
      (if (i32.eq (local.get $op) (i32.const 80)) ;; P
        (then
          (call $print (i32.add (local.get $at) (i32.const 1))
            (i32.sub (local.get $length) (i32.const 1)))))
      (if (i32.eq (local.get $op) (i32.const 105)) ;; i
        (then (call $count (local.get $index))))
      (if (i32.eq (local.get $op) (i32.const 73)) ;; I
        (then (call $count (local.get $index)) unreachable))
      (if (i32.eq (local.get $op) (i32.const 119)) ;; w
        (then (call $put (local.get $index) (i32.const 72) (i32.const 4)
          (local.get $at) (local.get $length) (i32.const 0))))
      (if (i32.eq (local.get $op) (i32.const 100)) ;; d
        (then (call $delete (local.get $index) (i32.const 72) (i32.const 4) (i32.const 0))))
      (if (i32.eq (local.get $op) (i32.const 103)) ;; g: result disc 0, option disc 4, list 8 12
        (then
          (call $get (i32.const 72) (i32.const 4) (i32.const 0))
          (if (i32.or (i32.load8_u (i32.const 0)) (i32.eqz (i32.load8_u (i32.const 4))))
            (then (global.set $status (i32.const 1)))
            (else (call $give (i32.load (i32.const 8)) (i32.load (i32.const 12)))))
          (return)))
      (if (i32.eq (local.get $op) (i32.const 99)) ;; c
        (then (call $count (local.get $index)) (call $discard (local.get $index))))
      (if (i32.eq (local.get $op) (i32.const 115)) ;; s
        (then (call $publish (local.get $index) (i32.const 80) (i32.const 4)
          (local.get $at) (local.get $length)
          (i32.const 1) (i32.const 72) (i32.const 4) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 99) (i32.const 0))))
      (if (i32.eq (local.get $op) (i32.const 117)) ;; u
        (then (call $record (i32.const 88) (i32.const 4) (f64.const 1))))
      (if (i32.eq (local.get $op) (i32.const 97)) ;; a: the error's text is the output, if any
        (then
          (call $acknowledge (local.get $at) (i32.const 0)
            (i64.const 3) (i64.const 7) (i32.const -1) (i32.const -1) (i32.const 0) (i32.const 0))
          (if (i32.load8_u (i32.const 0))
            (then
              (global.set $status (i32.const 2))
              (call $give (i32.load (i32.const 4)) (i32.load (i32.const 8)))
              (return)))))
      (if (i32.eq (local.get $op) (i32.const 104)) ;; h
        (then (loop $again
          (call $log (i32.const 0) (i32.const 0) (i32.const 65536))
          (br $again))))
      (if (i32.eq (local.get $op) (i32.const 116)) ;; t
        (then
          (call $topic (local.get $index) (i32.const 0))
          (call $give (i32.load (i32.const 0)) (i32.load (i32.const 4)))
          (return)))
      (if (i32.eq (local.get $op) (i32.const 120)) ;; x
        (then (call $topic (i32.const 1000000) (i32.const 0))))
      (if (i32.eq (local.get $op) (i32.const 76)) ;; L
        (then (call $log (i32.const 2) (local.get $at) (local.get $length))))
      (if (i32.eq (local.get $op) (i32.const 66)) ;; B
        (then
          (local.set $op (i32.const 12000))
          (loop $again
            (call $log (i32.const 2) (local.get $at) (local.get $length))
            (local.set $op (i32.sub (local.get $op) (i32.const 1)))
            (br_if $again (local.get $op)))))
      (if (i32.eq (local.get $op) (i32.const 114)) ;; r
        (then (global.set $wrong (i32.const 1))))
      (if (i32.eq (local.get $op) (i32.const 82)) ;; R
        (then (call $get-random (i64.const 16777216) (i32.const 0))))
      (if (i32.eq (local.get $op) (i32.const 69)) ;; E
        (then (call $exit (i32.const 1))))
      (call $give (local.get $at) (local.get $length)))

    (func (export "process")
      (param $payloads i32) (param $bytes i32) (param $ends i32) (param $count i32) (result i32)
      (local $answer i32) (local $output i32) (local $out-ends i32) (local $statuses i32)
      (local $index i32) (local $start i32) (local $end i32)
      ;; Room for answers longer than their message: "g", "t" and "a" give up to 4 KiB each.
      (local.set $output (call $realloc (i32.const 0) (i32.const 0) (i32.const 1)
        (i32.add (local.get $bytes) (i32.mul (local.get $count) (i32.const 4096)))))
      (local.set $out-ends (call $realloc (i32.const 0) (i32.const 0) (i32.const 4)
        (i32.mul (local.get $count) (i32.const 4))))
      (local.set $statuses (call $realloc (i32.const 0) (i32.const 0) (i32.const 1)
        (local.get $count)))
      (local.set $answer (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 24)))
      (global.set $out (local.get $output))
      (global.set $wrong (i32.const 0))
      (block $done (loop $next
        (br_if $done (i32.eq (local.get $index) (local.get $count)))
        (local.set $end (i32.load (i32.add (local.get $ends)
          (i32.mul (local.get $index) (i32.const 4)))))
        (call $one (local.get $index) (i32.add (local.get $payloads) (local.get $start))
          (i32.sub (local.get $end) (local.get $start)))
        (local.set $start (local.get $end))
        (i32.store
          (i32.add (local.get $out-ends) (i32.mul (local.get $index) (i32.const 4)))
          (i32.sub (global.get $out) (local.get $output)))
        (i32.store8 (i32.add (local.get $statuses) (local.get $index)) (global.get $status))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
      (i32.store (local.get $answer) (local.get $output))
      (i32.store offset=4 (local.get $answer) (i32.sub (global.get $out) (local.get $output)))
      (i32.store offset=8 (local.get $answer) (local.get $out-ends))
      (i32.store offset=12 (local.get $answer)
        (i32.add (local.get $count) (global.get $wrong)))
      (i32.store offset=16 (local.get $answer) (local.get $statuses))
      (i32.store offset=20 (local.get $answer) (local.get $count))
      (local.get $answer))

    ;; Everything allocated during the call is free again.
    (func (export "after") (param i32)
      (global.set $next (i32.const 4096))))

  (core instance $function (instantiate $function
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "topic" (func $topic))
      (export "acknowledge" (func $acknowledge))
      (export "discard" (func $discard))
      (export "publish" (func $publish))
      (export "get" (func $get))
      (export "put" (func $put))
      (export "delete" (func $delete))
      (export "increment" (func $increment))
      (export "log" (func $log))
      (export "record" (func $record))
      (export "sleep" (func $sleep))
      (export "block" (func $block))
      (export "get-stderr" (func $get-stderr))
      (export "write" (func $write))
      (export "get-random" (func $get-random))
      (export "exit" (func $exit))))))

  (type $batch (record (field "payloads" (list u8)) (field "ends" (list u32))))
  (type $results (record
    (field "payloads" (list u8)) (field "ends" (list u32)) (field "statuses" (list u8))))
  (func $start (result (result (error string)))
    (canon lift (core func $function "start") (memory (core memory $memory))))
  (func $process (param "batch" $batch) (result $results)
    (canon lift (core func $function "process")
      (memory (core memory $memory)) (realloc (core func $realloc)) (post-return (core func $function "after"))))

  ;; Exported record types need names, which only an inner component can give them.
  (component $packed
    (type $b (record (field "payloads" (list u8)) (field "ends" (list u32))))
    (type $r (record
      (field "payloads" (list u8)) (field "ends" (list u32)) (field "statuses" (list u8))))
    (import "batch" (type $batch (eq $b)))
    (import "results" (type $results (eq $r)))
    (import "start" (func $start (result (result (error string)))))
    (import "process" (func $process (param "batch" $batch) (result $results)))
    (export $named-batch "batch" (type $b))
    (export $named-results "results" (type $r))
    (export "start" (func $start))
    (export "process" (func $process)
      (func (param "batch" $named-batch) (result $named-results))))
  (instance $packed (instantiate $packed
    (with "batch" (type $batch))
    (with "results" (type $results))
    (with "start" (func $start))
    (with "process" (func $process))))
  (export "function-mesh:function/packed@1.0.0" (instance $packed)))
