// Open positions: break-even, trailing stop, and the close at the horizon. A stop only ever comes nearer.
#include "TradeExecutor.mqh"

#define KEEPER_STEP_POINTS 5
#define KEEPER_PAUSE_MS    5000

class CPositionKeeper
  {
private:
   ulong             m_paused_until;
   double            m_atr;
   datetime          m_atr_candle;
   string            m_event;

   double            Atr(void)
     {
      datetime candle=iTime(_Symbol,PERIOD_CURRENT,0);
      if(candle!=m_atr_candle || m_atr<=0)
        {
         m_atr=CSizing::AtrPoints();
         m_atr_candle=candle;
        }
      return(m_atr);
     }
   //--- where the stop should be, 0: no wish
   double            Wish(const SNatronSettings &s,const int side,const double open,const double leaving)
     {
      double gained=side*(leaving-open)/_Point;
      double wish=0;
      if(s.break_even_atr>0 && gained>=s.break_even_atr*Atr())
         wish=open;
      if(s.trail_atr>0 && gained>=s.trail_atr*Atr())
        {
         double trailed=leaving-side*s.trail_atr*Atr()*_Point;
         if(wish<=0 || side*(trailed-wish)>0)
            wish=trailed;
        }
      return(NormalizeDouble(wish,_Digits));
     }
   void              Trail(const SNatronSettings &s,CTradeExecutor &executor,const ulong ticket,const int side,const double leaving)
     {
      double stop=PositionGetDouble(POSITION_SL);
      double take=PositionGetDouble(POSITION_TP);
      double wish=Wish(s,side,PositionGetDouble(POSITION_PRICE_OPEN),leaving);
      double level=CTradeExecutor::StopsLevel()*_Point;
      if(wish<=0 || (stop>0 && side*(wish-stop)<KEEPER_STEP_POINTS*_Point-_Point/2))
         return;
      if(side*(leaving-wish)<level || (stop>0 && side*(leaving-stop)<level) || (take>0 && side*(take-leaving)<level))
         return; // nearer than the broker allows, or frozen
      if(executor.Move(ticket,wish,take))
         m_event="stop moved to "+DoubleToString(wish,_Digits);
      else
         Fail("moving the stop",executor.Retcode());
     }
   void              Fail(const string what,const uint retcode)
     {
      m_paused_until=GetTickCount64()+KEEPER_PAUSE_MS;
      m_event=what+" failed, code "+IntegerToString((long)retcode);
     }

public:
                     CPositionKeeper(void) { m_paused_until=0; m_atr=0; m_atr_candle=0; }
   //--- looks after this EA's positions; what it did, empty for nothing
   string            Keep(const SNatronSettings &s,CTradeExecutor &executor)
     {
      MqlTick tick;
      m_event="";
      if(GetTickCount64()<m_paused_until || !SymbolInfoTick(_Symbol,tick))
         return("");
      for(int at=PositionsTotal()-1; at>=0; at--)
        {
         ulong ticket=PositionGetTicket(at);
         if(ticket==0 || PositionGetString(POSITION_SYMBOL)!=_Symbol || PositionGetInteger(POSITION_MAGIC)!=s.magic)
            continue;
         int side=PositionGetInteger(POSITION_TYPE)==POSITION_TYPE_BUY ? 1 : -1;
         if(TimeTradeServer()-PositionGetInteger(POSITION_TIME)>=(long)s.horizon_candles*s.tf_s)
           {
            if(executor.Close(ticket))
               m_event="closed at the horizon";
            else
               Fail("closing",executor.Retcode());
           }
         else
            Trail(s,executor,ticket,side,side>0 ? tick.bid : tick.ask);
        }
      return(m_event);
     }
  };
