# 声音、请求，以及电话本身。
no-microphone = 没有麦克风
    .why = 对方听不到您。
    .hint = 请插入麦克风或选择另一个。

no-speaker = 没有扬声器
    .why = 您听不到对方。
    .hint = 请插入耳机。

device-lost = 声音设备不见了
    .why = { $role ->
        [mic] 麦克风不再响应。
        [speaker] 扬声器不再响应。
       *[ringer] 响铃的扬声器不再响应。
    }
    .hint = 请重新插入或选择另一个。

device-busy = 声音设备正被占用
    .why = { $role ->
        [mic] 另一个程序独占了麦克风。
        [speaker] 另一个程序独占了扬声器。
       *[ringer] 另一个程序独占了响铃的扬声器。
    }
    .hint = 请关闭该程序或选择另一个设备。

device-denied = 声音设备不允许使用
    .why = { $role ->
        [mic] 系统不允许 Bellbird 使用麦克风。
        [speaker] 系统不允许 Bellbird 使用扬声器。
       *[ringer] 系统不允许 Bellbird 使用响铃的扬声器。
    }
    .hint = 请在系统设置中允许。

sound-failed = 声音系统出错
    .why = 无法列出或打开声音设备。
    .hint = 请检查其他程序的声音是否正常。

microphone-quiet = 对方几乎听不到您
    .why = 麦克风声音太小，或已在设备上关闭。
    .hint = 请对着麦克风说话，在系统设置中调高音量，或选择另一个。

microphone-clipped = 您的声音失真
    .why = 麦克风音量调得太高。
    .hint = 请在系统设置中调低音量，或离麦克风远一些。

disk-full = 没有空间继续录音
    .why = 磁盘已满。之前录下的内容已保存。
    .hint = 请腾出空间，然后重新录音。

recording-failed = 无法录音
    .why = 无法写入录音文件。
    .hint = 请查看日志中系统给出的原因。

no-such-account = 没有这个账户
    .hint = 它可能已被移除。

no-such-call = 没有这个通话
    .hint = 它可能已经结束。

no-such-device = 没有这个设备
    .hint = 请选择现有的设备。

no-such-test = 没有这个测试
    .hint = 请重新测试账户。

no-such-certificate = 没有出示过这个证书
    .why = 只能信任被拒绝并出示过的证书。
    .hint = 请再次查看证书。

no-account = 没有可用于呼叫的账户
    .hint = 请先添加账户。

which-call = 不清楚指的是哪个通话
    .why = 没有合适的通话，或者不止一个。
    .hint = 请指明通话。

not-now = 现在无法这样做
    .why = 电话或通话当前的状态不允许。
    .hint = 请在合适的时候再试。

bad-command = 无法理解
    .why = 问题出在 { $place }。
    .hint = 可用的命令见 docs/cli.md。

bad-setting = 无法更改此设置
    .why = { $setting } 未知，或不能取该值。
    .hint = 可用的设置见 docs/cli.md。

bad-account = 账户还不正确
    .why = { $field ->
        [address] 地址应类似 2001@example.com。
        [server] 服务器应是名称，或以 wss:// 开头的地址。
        [auth-user] 用于密码的名称太长，或含有无法发送的字符。
        [display-name] 他人看到的名称太长。
        [name] 账户名称太长。
        [ca] 证书机构应是不超过 64 kB 的 PEM 文本。
        [pin] 证书指纹应是 64 位十六进制数字。
        [origin] 来源应类似 https://example.com。
        [http-user] 建立连接用的用户名过长，或含有无法发送的字符。
        [headers] 请求头应为“名称: 值”，每行一个，最多 16 个，且不能是连接自己设置的。
        [client-cert] 您自己的证书必须是 PEM 文本，包含证书和没有口令的密钥。
        [proxy] 代理应类似 http://proxy.example.com:3128 或 socks5://…，可带用户名但不带密码，或为“none”。
        [stun] STUN 服务器应类似 stun:example.com:3478，最多四个。
        [turn] TURN 服务器应类似 turn:example.com:3478 并带有用户，最多四个。
        [expires] 服务器保留注册的时间应为 60 至 86400 秒。
        [password] 密码太长。
       *[practice] 练习线路由电话自己建立。
    }
    .hint = 请更正后再次保存。

account-exists = 已有这样的账户
    .why = 另一个账户在此服务器上使用同一用户。
    .hint = 请更改那个账户，或先将其移除。

account-limit = 账户太多
    .why = 本电话无法同时保存更多账户。
    .hint = 请先移除一个。

store-damaged = 保存的数据已损坏
    .why = 已将其移到 { $file }，Bellbird 重新开始。
    .hint = 请重新添加账户。密钥环中的密码没有改动。

store-failed = 现在无法保存
    .why = 磁盘已满，或文件夹不可写。
    .hint = 通话不受影响。请腾出空间，新的内容会重新保存。

practice-failed = 练习线路无法运行
    .why = 本机不允许它打开自己的端口。
    .hint = 您的其他账户不受影响。

already-running = Bellbird 已经在运行
    .why = 同一时间只能有一部电话使用保存的账户。
    .hint = 请使用正在运行的那个，或先退出它。

no-display = 没有可以显示窗口的屏幕
    .hint = 请在终端中使用 bellbird-cli。

internal = Bellbird 内部出错
    .why = 这是程序的缺陷。
    .hint = 请重新启动，并附上旁边的细节报告此问题。

# The name of the account that the phone makes itself.
practice-line = 练习线路
