;; The loop of CityHash128 1.0.2 over long texts (CityHash128WithSeed), in 64-bit arithmetic that JavaScript does not have.
;; `hash(from, size)`: size is at least 128; the seed's halves stand at 0 and 8, and the hash's take their place.
;; Built into cityhash-wasm.ts with `wat2wasm --output=- cityhash.wat | base64`.
(module
  (memory (export "memory") 18)
  ;; WeakHashLen32WithSeeds over the 32 bytes at $s.
  (func $weak (param $s i32) (param $a i64) (param $b i64) (result i64 i64)
    (local $c i64)
    (local.set $a (i64.add (local.get $a) (i64.load (local.get $s))))
    (local.set $b (i64.rotr
      (i64.add (i64.add (local.get $b) (local.get $a)) (i64.load offset=24 (local.get $s))) (i64.const 21)))
    (local.set $c (local.get $a))
    (local.set $a (i64.add (i64.add (local.get $a) (i64.load offset=8 (local.get $s))) (i64.load offset=16 (local.get $s))))
    (local.set $b (i64.add (local.get $b) (i64.rotr (local.get $a) (i64.const 44))))
    (i64.add (local.get $a) (i64.load offset=24 (local.get $s)))
    (i64.add (local.get $b) (local.get $c)))
  (func $len16 (param $u i64) (param $v i64) (result i64)
    (local $a i64)
    (local.set $a (i64.mul (i64.xor (local.get $u) (local.get $v)) (i64.const 0x9ddfea08eb382d69)))
    (local.set $a (i64.xor (local.get $a) (i64.shr_u (local.get $a) (i64.const 47))))
    (local.set $a (i64.mul (i64.xor (local.get $v) (local.get $a)) (i64.const 0x9ddfea08eb382d69)))
    (local.set $a (i64.xor (local.get $a) (i64.shr_u (local.get $a) (i64.const 47))))
    (i64.mul (local.get $a) (i64.const 0x9ddfea08eb382d69)))
  (func (export "hash") (param $s i32) (param $size i32)
    (local $x i64) (local $y i64) (local $z i64) (local $t i64)
    (local $v0 i64) (local $v1 i64) (local $w0 i64) (local $w1 i64)
    (local $half i32) (local $done i32) (local $at i32)
    (local.set $x (i64.load (i32.const 0)))
    (local.set $y (i64.load (i32.const 8)))
    (local.set $z (i64.mul (i64.extend_i32_u (local.get $size)) (i64.const 0xb492b66fbe98f273)))
    (local.set $v0 (i64.add
      (i64.mul (i64.rotr (i64.xor (local.get $y) (i64.const 0xb492b66fbe98f273)) (i64.const 49)) (i64.const 0xb492b66fbe98f273))
      (i64.load (local.get $s))))
    (local.set $v1 (i64.add
      (i64.mul (i64.rotr (local.get $v0) (i64.const 42)) (i64.const 0xb492b66fbe98f273))
      (i64.load offset=8 (local.get $s))))
    (local.set $w0 (i64.add
      (i64.mul (i64.rotr (i64.add (local.get $y) (local.get $z)) (i64.const 35)) (i64.const 0xb492b66fbe98f273))
      (local.get $x)))
    (local.set $w1 (i64.mul
      (i64.rotr (i64.add (local.get $x) (i64.load offset=88 (local.get $s))) (i64.const 53))
      (i64.const 0xb492b66fbe98f273)))
    (loop $next
      (local.set $half (i32.const 0))
      (loop $twice
        (local.set $x (i64.xor (i64.mul
          (i64.rotr (i64.add (i64.add (i64.add (local.get $x) (local.get $y)) (local.get $v0)) (i64.load offset=16 (local.get $s))) (i64.const 37))
          (i64.const 0xb492b66fbe98f273)) (local.get $w1)))
        (local.set $y (i64.xor (i64.mul
          (i64.rotr (i64.add (i64.add (local.get $y) (local.get $v1)) (i64.load offset=48 (local.get $s))) (i64.const 42))
          (i64.const 0xb492b66fbe98f273)) (local.get $v0)))
        (local.set $z (i64.rotr (i64.xor (local.get $z) (local.get $w0)) (i64.const 33)))
        (call $weak (local.get $s)
          (i64.mul (local.get $v1) (i64.const 0xb492b66fbe98f273))
          (i64.add (local.get $x) (local.get $w0)))
        (local.set $v1)
        (local.set $v0)
        (call $weak (i32.add (local.get $s) (i32.const 32)) (i64.add (local.get $z) (local.get $w1)) (local.get $y))
        (local.set $w1)
        (local.set $w0)
        (local.set $t (local.get $z))
        (local.set $z (local.get $x))
        (local.set $x (local.get $t))
        (local.set $s (i32.add (local.get $s) (i32.const 64)))
        (local.set $half (i32.add (local.get $half) (i32.const 1)))
        (br_if $twice (i32.lt_u (local.get $half) (i32.const 2))))
      (local.set $size (i32.sub (local.get $size) (i32.const 128)))
      (br_if $next (i32.ge_u (local.get $size) (i32.const 128))))
    (local.set $y (i64.add (i64.add (local.get $y)
      (i64.mul (i64.rotr (local.get $w0) (i64.const 37)) (i64.const 0xc3a5c85c97cb3127))) (local.get $z)))
    (local.set $x (i64.add (local.get $x)
      (i64.mul (i64.rotr (i64.add (local.get $v0) (local.get $z)) (i64.const 49)) (i64.const 0xc3a5c85c97cb3127))))
    (block $ended
      (loop $tail
        (br_if $ended (i32.ge_u (local.get $done) (local.get $size)))
        (local.set $done (i32.add (local.get $done) (i32.const 32)))
        (local.set $at (i32.sub (i32.add (local.get $s) (local.get $size)) (local.get $done)))
        (local.set $y (i64.add
          (i64.mul (i64.rotr (i64.sub (local.get $y) (local.get $x)) (i64.const 42)) (i64.const 0xc3a5c85c97cb3127))
          (local.get $v1)))
        (local.set $w0 (i64.add (local.get $w0) (i64.load offset=16 (local.get $at))))
        (local.set $x (i64.add
          (i64.mul (i64.rotr (local.get $x) (i64.const 49)) (i64.const 0xc3a5c85c97cb3127))
          (local.get $w0)))
        (local.set $w0 (i64.add (local.get $w0) (local.get $v0)))
        (call $weak (local.get $at) (local.get $v0) (local.get $v1))
        (local.set $v1)
        (local.set $v0)
        (br $tail)))
    (local.set $x (call $len16 (local.get $x) (local.get $v0)))
    (local.set $y (call $len16 (local.get $y) (local.get $w0)))
    (i64.store (i32.const 0) (i64.add
      (call $len16 (i64.add (local.get $x) (local.get $v1)) (local.get $w1)) (local.get $y)))
    (i64.store (i32.const 8) (call $len16
      (i64.add (local.get $x) (local.get $w1)) (i64.add (local.get $y) (local.get $v1))))))
