# 通话，从第一声铃到结束。
call-incoming = 来电
call-says = 与 { $who } 的通话
call-via = 经由 { $account }
verified-passed = 号码已验证
verified-failed = 号码可能是伪造的
answer-call = 接听
decline-call = 拒接
silence = 静铃
silenced = 已静铃
call-dialing = 正在呼叫
call-ringing = 正在响铃
call-early-media = 正在响铃（有声音）
call-connecting = 正在接通
call-ending = 正在结束
encrypted = 已加密
securing = 正在加密
no-sound = 没有声音通路
reconnecting = 正在重连 { $seconds } 秒
reconnecting-title = { $why ->
    [network-changed] 正在切换到另一个网络
   *[other] 连接中断
}
reconnecting-words = 通话仍然保留。{ $who } 会听到短暂的静音。
on-hold = 保持中
held-by-them = 对方保持了通话
held-by-both = 双方保持中
# keys: what the other end pressed.
they-press = 对方按键 { $keys }
quality = { $grade ->
    [clear] 清晰
    [fair] 不稳定
    [poor] 较差
    [bad] 较差
   *[other] 正在测量
}
level-mic = 您的声音
level-far = 对方的声音
mute = 静音
muted = 已静音
hold = 保持
held = 保持中
keypad = 拨号盘
transfer = 转接
add = 添加
record = 录音
recording = 录音中
grid = 通话操作
hang-up = 挂断
hang-up-who = 挂断 { $who }
swap = 切换到 { $who }
conference = 会议
in-conference = 会议中
leave = 移出会议
leave-who = 移出会议：{ $who }
held-line = { $number } · { $time }，已保持 { $held }
held-line-there = { $number } · { $time }
waiting-line = { $number } · 正在响铃
call-there = 拨打那里
call-again = 再次呼叫
ended-chip = { $is ->
    [busy] 对方忙
    [declined] 已拒接
    [no-answer] 无人接听
    [cancelled] 已取消
    [answered-elsewhere] 已在其他电话上接听
    [unreachable] 无法接通
    [not-found] 号码不存在
    [moved] 转到其他号码
    [not-allowed] 不被允许
    [no-common-codec] 没有共同的编码
    [media-failed] 声音故障
    [network] 网络故障
    [server-error] 服务器故障
    [hung-up-here] 已结束
    [hung-up-there] 对方已挂断
   *[other] 已结束
}
back-to-call = 返回通话
tones-sent = 已发送的按键
call-card = { $number } · { $time }
