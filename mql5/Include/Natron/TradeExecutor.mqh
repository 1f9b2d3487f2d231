// Orders: with stops from the first moment, by the symbol's filling mode, judged by the return code.
#include <Trade\Trade.mqh>
#include "Sizing.mqh"

#define EXECUTOR_TRIES 3

class CTradeExecutor
  {
private:
   CTrade            m_trade;
   uint              m_retcode;
   double            m_price;
   double            m_volume;
   ulong             m_order;

   static bool       IsDone(const uint code) { return(code==TRADE_RETCODE_DONE || code==TRADE_RETCODE_DONE_PARTIAL || code==TRADE_RETCODE_PLACED); }
   static bool       PriceMoved(const uint code) { return(code==TRADE_RETCODE_REQUOTE || code==TRADE_RETCODE_PRICE_CHANGED || code==TRADE_RETCODE_PRICE_OFF); }
   void              Keep(void)
     {
      m_retcode=m_trade.ResultRetcode();
      m_price=m_trade.ResultPrice();
      m_volume=m_trade.ResultVolume();
      m_order=m_trade.ResultOrder();
     }

public:
                     CTradeExecutor(void) { m_retcode=0; m_price=0; m_volume=0; m_order=0; }
   void              Configure(const SNatronSettings &s)
     {
      m_trade.SetExpertMagicNumber((ulong)s.magic);
      m_trade.SetDeviationInPoints((ulong)s.deviation_points);
      m_trade.SetAsyncMode(false);
      long modes=SymbolInfoInteger(_Symbol,SYMBOL_FILLING_MODE);
      m_trade.SetTypeFilling((modes&SYMBOL_FILLING_FOK)!=0 ? ORDER_FILLING_FOK : (modes&SYMBOL_FILLING_IOC)!=0 ? ORDER_FILLING_IOC : ORDER_FILLING_RETURN);
     }
   uint              Retcode(void) const { return(m_retcode); }
   double            Price(void) const { return(m_price); }
   double            Volume(void) const { return(m_volume); }
   ulong             Order(void) const { return(m_order); }
   //--- nearest distance in points that a stop may have now
   static double     StopsLevel(void)
     {
      return((double)MathMax(SymbolInfoInteger(_Symbol,SYMBOL_TRADE_STOPS_LEVEL),SymbolInfoInteger(_Symbol,SYMBOL_TRADE_FREEZE_LEVEL)));
     }
   //--- points from the entry to a stop: what was wished, or the least that the broker allows
   static double     StopPoints(const double wished,const double spread_points) { return(CSizing::OnGrid(MathMax(wished,spread_points+StopsLevel()+1))); }
   static double     TakePoints(const double wished,const double spread_points) { return(CSizing::OnGrid(MathMax(wished,StopsLevel()+1-spread_points))); }
   //--- opens a position; asks again only where the price moved and nothing was done
   bool              Open(const int side,const double lots,const double stop_points,const double take_points,const string comment)
     {
      for(int attempt=0; attempt<EXECUTOR_TRIES; attempt++)
        {
         MqlTick tick;
         if(!SymbolInfoTick(_Symbol,tick))
            return(false);
         double entry=side>0 ? tick.ask : tick.bid;
         double spread=(tick.ask-tick.bid)/_Point;
         double stop=NormalizeDouble(entry-side*StopPoints(stop_points,spread)*_Point,_Digits);
         double take=NormalizeDouble(entry+side*TakePoints(take_points,spread)*_Point,_Digits);
         if(side>0)
            m_trade.Buy(lots,_Symbol,tick.ask,stop,take,comment);
         else
            m_trade.Sell(lots,_Symbol,tick.bid,stop,take,comment);
         Keep();
         if(!PriceMoved(m_retcode))
            break;
        }
      return(IsDone(m_retcode));
     }
   bool              Close(const ulong ticket)
     {
      m_trade.PositionClose(ticket);
      Keep();
      return(IsDone(m_retcode));
     }
   bool              Move(const ulong ticket,const double stop,const double take)
     {
      m_trade.PositionModify(ticket,stop,take);
      Keep();
      return(IsDone(m_retcode) || m_retcode==TRADE_RETCODE_NO_CHANGES);
     }
  };
