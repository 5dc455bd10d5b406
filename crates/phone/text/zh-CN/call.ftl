# 通话：为什么结束，或为什么无法开始。
busy = 线路忙
    .why = 对方正在另一个通话中。
    .hint = 请稍后再次呼叫。

declined = 来电被拒接
    .why = 对方现在不方便通话。
    .hint = 请稍后再次呼叫，或发送消息。

no-answer = 无人接听
    .why = 对方的电话响了，但没有人接听。
    .hint = 请稍后再次呼叫。

unreachable = 无法接通对方
    .why = 对方现在没有电话在线。
    .hint = 请稍后再次呼叫。

not-found = 没有这个号码
    .why = 服务器不认识 { $number }。
    .hint = 请检查号码。

moved = 请改拨其他号码
    .why = 此通话被转到 { $elsewhere }，那是另一个号码。
    .hint = 只有认识它时才拨打。

not-allowed = 不允许此通话
    .why = 服务器不让此账户呼叫 { $number }。
    .hint = 请联系服务器管理员。

server-error = 服务器无法接通
    .why = 在接通对方的途中出了故障。
    .hint = 请稍后再次呼叫。

no-common-codec = 没有共同的通话方式
    .why = 两部电话没有共同的声音编码。
    .hint = 请让服务器管理员启用 Opus 或 G.711。

media-insecure = 声音将不安全
    .why = 对方没有证明谁可以收听，因此没有发送任何声音。
    .hint = 请让服务器管理员启用 DTLS-SRTP 和 ICE。

media-failed = 声音没有通路
    .why = 没有找到两部电话之间的网络通路。
    .hint = 在账户中填写 STUN 或 TURN 服务器可能有帮助。

bad-sdp = 对方的声音描述有误
    .why = 对方发来的内容不符合规范。
    .hint = 请联系服务器管理员。

not-registered = 线路尚未就绪
    .why = 此账户现在没有连接到服务器。
    .hint = 请等线路就绪后再次呼叫。

bad-number = 无法呼叫
    .why = { $number } 不是号码、姓名或地址。
    .hint = 请输入号码、姓名，或类似 2001@example.com 的地址。

call-limit = 通话太多
    .why = 本电话无法同时进行更多通话。
    .hint = 请先挂断其中一个。

not-answered = 此通话尚未接通
    .why = 只有已接通的通话才能合并。
    .hint = 请等到接通后再试。

conference-too-small = 会议至少需要两个通话
    .why = 已接通的通话不足两个。
    .hint = 请先再呼叫一方。

not-secure = 此地址要求安全线路
    .why = 不会通过未加密的连接呼叫 sips 地址。
    .hint = 请为此账户使用 wss 服务器，或改用 sip 呼叫此地址。
