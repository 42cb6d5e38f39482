// The reference server listens on every interface and tells its environment to whoever asks: here it is for this machine.
const net = require("node:net");
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (port, ...rest) {
  const ready = rest.find((argument) => typeof argument === "function");
  return listen.call(this, { port: Number(port), host: "127.0.0.1" }, ready);
};
