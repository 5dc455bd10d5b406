# 顶部的线路：我是谁，能否被呼叫到。
practice-line = 练习线路
line-ready = 在线 · { $address }
line-ready-practice = 在线 · 一切都留在本机
line-off = 未上线
line-connecting = { $why ->
    [network-changed] 网络已变化 · 正在重新注册
    [connection-lost] 连接中断 · { $step ->
        [find] 正在查找服务器
        [connect] 正在连接
        [tls] 正在加密
        [websocket] 正在连接
       *[register] 正在重新注册
    }
   *[start] { $step ->
        [find] 正在查找服务器
        [connect] 正在连接
        [tls] 正在加密连接
        [websocket] 正在连接
       *[register] 正在注册
    }
}
line-suspect = 服务器没有回应 · 正在检查
line-retrying = { $seconds } 秒后重试
line-failed = 无法接通 · { $code ->
    [wrong-password] 密码被拒绝
    [unknown-user] 用户不存在
    [forbidden] 不被允许
    [password-needed] 需要密码
    [keychain-locked] 密钥环已锁定
    [no-keychain] 没有密钥环
    [certificate-untrusted] 证书未知
    [certificate-expired] 证书已过期
    [certificate-wrong-name] 证书名称不符
    [certificate-changed] 证书已更换
    [host-unknown] 找不到服务器
   *[other] 查看原因
}
line-none = 没有账户
line-show = 查看 { $name } 的线路
line-others = { $name }：{ $shape ->
    [failed] 无法接通
   *[working] 正在连接
}
settings = 设置
back = 返回
close = 关闭
details = 详情

# 线路的依据。
evidence-title = 线路
evidence-server = 服务器
evidence-since = 上线时间
evidence-proven = 最近一次回应
evidence-round-trip = 往返时间
evidence-expires = 注册有效至
evidence-flows = 连接数
evidence-tls = 加密
evidence-digest = 密码验证
evidence-certificate = 证书
evidence-issued = 签发者
evidence-valid = 有效期
evidence-fingerprint = SHA-256
evidence-itself = 自己
evidence-span = { $from } 至 { $until }
evidence-again = 重新注册
evidence-edit = 编辑账户
evidence-account = 账户
milliseconds = { $n } 毫秒
seconds-ago = { $n ->
    [0] 刚刚
   *[other] { $n } 秒前
}

# 出错时可以做什么，以及小字说明。
act-enter-password = { $code ->
    [password-needed] 输入密码
   *[other] 重新输入
}
act-show-certificate = 查看证书
act-choose-device = 选择设备
act-retry = 重试
small-print = { $code } · { $time }
small-print-sip = { $code } · SIP { $sip } · { $time }
