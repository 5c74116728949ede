#!/bin/bash
# Runs once, when the machine starts for the first time. Secrets are read by the unit, at every start of the broker.
set -euo pipefail
export AWS_DEFAULT_REGION={{ region }}

dnf install -y java-21-amazon-corretto-headless
useradd --system --home-dir /opt/kafka --shell /sbin/nologin kafka
mkdir -p /opt/kafka {{ tls }} /var/lib/kafka
aws s3 cp {{ package }} /tmp/kafka.tgz
tar -xzf /tmp/kafka.tgz -C /opt/kafka --strip-components 1
rm /tmp/kafka.tgz
mkdir -p /opt/kafka/logs
chown kafka:kafka /opt/kafka/logs

# The disk is attached after the machine has started. It is formatted only if it holds nothing.
until [ -e /dev/sdf ]; do sleep 2; done
blkid /dev/sdf || mkfs.xfs -L kafka /dev/sdf
echo 'LABEL=kafka /var/lib/kafka xfs noatime,nofail 0 2' >> /etc/fstab
mount /var/lib/kafka
chown kafka:kafka /var/lib/kafka

echo {{ host }} > /etc/kafka/host
cat > /etc/kafka/server.properties <<'END'
{{ properties -}}
END
cat > /etc/kafka/admin.properties <<'END'
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location={{ tls }}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={{ tls }}/ca.pem
END

cat > /usr/local/sbin/kafka-prepare <<'END'
#!/bin/bash
# Fetches the certificates anew, and formats an empty disk with the users' passwords.
set -euo pipefail
umask 077
export AWS_DEFAULT_REGION={{ region }}
read_secret() { aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text; }
read_secret {{ tls_secret }} | python3 -c '
import json, pathlib, sys
for name, text in json.load(sys.stdin).items():
    if name in ("broker", "ca"):
        pathlib.Path("{{ tls }}", name + ".pem").write_text(text)
'
chown kafka:kafka {{ tls }} {{ tls }}/*.pem
if [ ! -e /var/lib/kafka/data/meta.properties ]; then
  /opt/kafka/bin/kafka-storage.sh format --cluster-id={{ cluster_id }} --config /etc/kafka/server.properties \
{% for user, secret in users.items() %}
    --add-scram "SCRAM-SHA-512=[name={{ user }},password=$(read_secret {{ secret }})]" \
{% endfor %}
    --ignore-formatted
  chown -R kafka:kafka /var/lib/kafka
fi
END
chmod 755 /usr/local/sbin/kafka-prepare

cat > /etc/systemd/system/kafka.service <<'END'
[Unit]
Description=Kafka, broker and controller
Wants=network-online.target
After=network-online.target
RequiresMountsFor=/var/lib/kafka

[Service]
User=kafka
# It reads the secrets and formats the disk, for which it must be root.
ExecStartPre=+/usr/local/sbin/kafka-prepare
ExecStart=/opt/kafka/bin/kafka-server-start.sh /etc/kafka/server.properties
# Until the secrets have values it tries again.
Restart=on-failure
RestartSec=30
# A broker hands its partitions over before it ends.
TimeoutStopSec=300
SuccessExitStatus=143
LimitNOFILE=100000
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
ReadWritePaths=/var/lib/kafka /opt/kafka/logs

[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --now kafka
