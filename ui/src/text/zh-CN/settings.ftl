# 设置、声音、外观和按键表。
settings-find = 查找设置
settings-accounts = 账户
settings-phone = 电话
settings-none = 没有这个设置
settings-practice-inside = 在 Bellbird 内部
settings-practice-back = 恢复练习线路
settings-account-line = { $address } · { $shape ->
    [ready] 在线
    [working] 正在连接
    [failed] 无法接通
   *[off] 未上线
}
settings-appearance = 外观和语言
settings-appearance-line = { $theme }，{ $language }
sound = 声音
sound-microphone = 麦克风
sound-speaker = 扬声器
sound-ringer = 响铃设备
sound-also-ring = { $name } 也响铃
sound-not-there = 未连接
sound-record = 录音文件
sound-record-wav = WAV：到处可播放，较大
sound-record-ogg = Ogg Opus：较小
sound-record-tone = 录音时播放提示音
sound-record-tone-hint = 双方每十五秒听到一次。
sound-default = 跟随系统
sound-default-now = 跟随系统：{ $name }
sound-absent = { $name }（未连接）
sound-none = 没有找到
sound-level = 麦克风电平
sound-echo = 消除回声
sound-echo-on = 始终
sound-echo-auto = 自动：使用耳机时不消除
sound-echo-off = 从不
sound-noise = 减弱背景噪声
sound-noise-off = 不减弱
sound-noise-low = 少许
sound-noise-medium = 中等
sound-noise-high = 较多
sound-noise-strong = 只保留人声
sound-even = 平衡我的音量
sound-even-hint = 无论离麦克风远近
sound-delay = 延迟
sound-delay-auto = 自动：网络良好时缩短
sound-delay-safe = 稳妥：最能承受丢包
sound-delay-low = 短：延迟最小
sound-test = 测试通话：听听自己
theme = 外观
theme-system = 跟随系统
theme-light = 浅色
theme-dark = 深色
language = 语言
language-system = 跟随系统
keys = 按键
keys-line = 随时按 F1 查看
keys-call = 呼叫，或接听选中的来电
keys-recall = 取回上一个号码（输入框为空时）
keys-back = 返回；然后拒接选中的来电
keys-hangup = 挂断
keys-mute = 静音
keys-hold = 保持
keys-keypad = 拨号盘
keys-callback = 回拨
keys-field = 转到输入框
keys-tabs = 通话、拨号盘
keys-sheet = 本按键表
keys-digits = 在任何地方输入的数字都会进入输入框；通话中则作为按键音发送。空格键不会自行接听来电。
