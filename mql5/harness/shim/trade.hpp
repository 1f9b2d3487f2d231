// CTrade, by the Standard Library's interface (Trade\Trade.mqh).
#pragma once
#include "access.hpp"

class CTrade {
  ulong m_magic = 0;
  int m_filling = ORDER_FILLING_FOK;
  Answer m_answer;

  bool sent(const Request &request) {
    m_answer = g_market.send(request);
    return true;  // the real one is true for whatever was sent; the retcode decides
  }
  bool open(int type, double volume, const string &symbol, double sl, double tp, const string &comment) {
    mql_known(symbol);
    return sent({type, volume, sl, tp, 0, m_magic, m_filling, comment.utf8()});
  }

public:
  void SetExpertMagicNumber(ulong magic) { m_magic = magic; }
  void SetDeviationInPoints(ulong) {}
  void SetTypeFilling(ENUM_ORDER_TYPE_FILLING filling) { m_filling = filling; }
  void SetAsyncMode(bool) {}
  bool Buy(double volume, const string &symbol, double, double sl, double tp, const string &comment) { return open(ORDER_TYPE_BUY, volume, symbol, sl, tp, comment); }
  bool Sell(double volume, const string &symbol, double, double sl, double tp, const string &comment) { return open(ORDER_TYPE_SELL, volume, symbol, sl, tp, comment); }
  bool PositionModify(ulong ticket, double sl, double tp) {
    m_answer = Answer();
    m_answer.retcode = g_market.modify(ticket, sl, tp);
    return true;
  }
  bool PositionClose(ulong ticket, ulong = ULONG_MAX) {
    const Position *one = g_market.find(ticket);
    if (!one) return m_answer = Answer(), m_answer.retcode = TRADE_RETCODE_POSITION_CLOSED, false;
    return sent({1 - one->type, one->volume, 0, 0, ticket, m_magic, m_filling, ""});
  }
  uint ResultRetcode() const { return m_answer.retcode; }
  ulong ResultOrder() const { return m_answer.order; }
  ulong ResultDeal() const { return m_answer.deal; }
  double ResultPrice() const { return m_answer.price; }
  double ResultVolume() const { return m_answer.volume; }
};
